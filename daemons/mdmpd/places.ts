/** Where the daemon's files are: for root in the system's directories, for others below their own. Pure. */

/** Where systemd listens for the event program's helper. */
export const EVENT_SOCKET = "/run/mdmpd-events";

export interface Places {
  /** Made by the daemon if need be. */
  readonly runDirectory: string;
  readonly controlSocket: string;
  readonly pidFile: string;
  readonly stateFile: string;
  readonly config: string;
}

function placesIn(runDirectory: string, config: string): Places {
  return {
    runDirectory,
    controlSocket: `${runDirectory}/control`,
    pidFile: `${runDirectory}/mdmpd.pid`,
    stateFile: `${runDirectory}/state.json`,
    config,
  };
}

/** `privileged`: the effective user is root. */
export function placesFor(privileged: boolean, environment: ReadonlyMap<string, string>): Places {
  if (privileged) return placesIn("/run/mdmpd", "/etc/mdmpd.conf");
  const home = environment.get("HOME") ?? "/";
  const run = environment.get("XDG_RUNTIME_DIR") || `${home}/.cache`;
  const config = environment.get("XDG_CONFIG_HOME") || `${home}/.config`;
  return placesIn(`${run}/mdmpd`, `${config}/mdmpd.conf`);
}
