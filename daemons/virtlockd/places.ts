/** Where the daemon's files are: for root in the system's directories, for others below their own. Pure. */

export interface Places {
  /** Made by the daemon if need be. */
  readonly runDirectory: string;
  readonly socket: string;
  readonly adminSocket: string;
  readonly controlSocket: string;
  readonly pidFile: string;
  readonly stateFile: string;
  readonly config: string;
  readonly logFile: string;
}

function systemPlaces(): Places {
  return {
    runDirectory: "/run/libvirt",
    socket: "/run/libvirt/virtlockd-sock",
    adminSocket: "/run/libvirt/virtlockd-admin-sock",
    controlSocket: "/run/libvirt/virtlockd-control-sock",
    pidFile: "/run/virtlockd.pid",
    stateFile: "/run/virtlockd-restart-exec.json",
    config: "/etc/libvirt/virtlockd.conf",
    logFile: "/var/log/libvirt/virtlockd.log",
  };
}

function sessionPlaces(environment: ReadonlyMap<string, string>): Places {
  const home = environment.get("HOME") ?? "/";
  const cache = environment.get("XDG_CACHE_HOME") || `${home}/.cache`;
  const config = environment.get("XDG_CONFIG_HOME") || `${home}/.config`;
  const run = `${environment.get("XDG_RUNTIME_DIR") || cache}/libvirt`;
  return {
    runDirectory: run,
    socket: `${run}/virtlockd-sock`,
    adminSocket: `${run}/virtlockd-admin-sock`,
    controlSocket: `${run}/virtlockd-control-sock`,
    pidFile: `${run}/virtlockd.pid`,
    stateFile: `${run}/virtlockd-restart-exec.json`,
    config: `${config}/libvirt/virtlockd.conf`,
    logFile: `${cache}/libvirt/virtlockd.log`,
  };
}

/** `privileged`: the effective user is root. */
export function placesFor(privileged: boolean, environment: ReadonlyMap<string, string>): Places {
  return privileged ? systemPlaces() : sessionPlaces(environment);
}
