/** Where the daemon has its files. */

export const CONFIG_FILE = "/etc/dmfilemapd.conf";
export const RUN_DIRECTORY = "/run/dmfilemapd";

const SOCKET_END = ".sock";

export interface InstancePlaces {
  /** Locked by the daemon of the group. */
  readonly pidFile: string;
  readonly controlSocket: string;
  /** Locked while a daemon changes regions of the device. */
  readonly deviceLock: string;
}

/** `device`: MAJOR:MINOR. */
export function placesOf(device: string, group: bigint): InstancePlaces {
  const stem = `${RUN_DIRECTORY}/${device}-${group}`;
  return {
    pidFile: `${stem}.pid`,
    controlSocket: `${stem}${SOCKET_END}`,
    deviceLock: `${RUN_DIRECTORY}/${device}.lock`,
  };
}

/** The control sockets among the names in the run directory, sorted. */
export function controlSocketsIn(names: readonly string[]): string[] {
  return names.filter((name) => name.endsWith(SOCKET_END)).sort()
    .map((name) => `${RUN_DIRECTORY}/${name}`);
}
