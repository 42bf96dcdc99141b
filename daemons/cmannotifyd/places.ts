/** Where the daemon's files are, unless the configuration says otherwise. Pure. */

export const CONFIG_FILE = "/etc/cluster/cmannotifyd.conf";
export const PID_FILE = "/run/cmannotifyd.pid";
export const CONTROL_SOCKET = "/run/cmannotifyd.control";
/** Where systemd listens for the runner. */
export const RUNNER_SOCKET = "/run/cmannotifyd-scripts";
/** Locked while scripts run. */
export const SCRIPTS_LOCK = "/run/cmannotifyd.scripts";
export const SCRIPT_DIRECTORY = "/etc/cluster/cman-notify.d";
export const DAEMON_LOG = "/var/log/cluster/cmannotifyd.log";
export const SCRIPT_LOG = "/var/log/cluster/cman_notify.log";
/** The first that exists is run in the place of the built-in one, as the original's daemon did. */
export const SUBSTITUTES = ["/usr/sbin/cman_notify", "/sbin/cman_notify"];

/** The lock of the daemon that has this control socket: two that are told different ones run their scripts as they like. */
export function scriptsLock(controlSocket: string): string {
  return `${controlSocket.replace(/\.control$/, "")}.scripts`;
}
