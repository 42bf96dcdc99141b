/** Where the daemon's files are. Pure. */

/** Where LVM looks for a lock to know whether the daemon runs. */
export const PID_FILE = "/run/cmirrord.pid";
export const RUN_DIRECTORY = "/run/cmirrord";
export const CONTROL_SOCKET = `${RUN_DIRECTORY}/control`;
/** The state of each mirror, which outlives the daemon but not the boot. */
export const STATE_DIRECTORY = `${RUN_DIRECTORY}/mirrors`;
/** The last request's number. */
export const SEQUENCE_FILE = `${RUN_DIRECTORY}/sequence`;
export const CONFIG_FILE = "/etc/cmirrord.conf";
