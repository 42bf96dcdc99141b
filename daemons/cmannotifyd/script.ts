/** Which files of a directory are scripts, and in which order they run: the rules of the original's cman_notify. Pure. */
import type { ByteString } from "../../src/wire/bytes.ts";
import type { Reason } from "./notification.ts";

/** What editors, package managers and version control leave behind. */
const SKIPPED_SUFFIXES = [
  "~",
  ",",
  ".cfsaved",
  ".rpmsave",
  ".rpmorig",
  ".rpmnew",
  ".swp",
  ",v",
  ".dpkg-old",
  ".dpkg-dist",
  ".dpkg-new",
];

/** Whether a file of this name is never run, executable or not. `ls` without -a does not show hidden ones. */
export function isSkipped(name: ByteString): boolean {
  return name.startsWith(".") || SKIPPED_SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/** The names that may be scripts, in the order of `LC_ALL=C ls`: by bytes, as which a byte string compares. */
export function scriptNames(entries: readonly ByteString[]): ByteString[] {
  return entries.filter((name) => !isSkipped(name)).sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
}

/** The subdirectory for one kind of notification, where event_directories is set: `statechange.d`, `config-update.d`. */
export function eventDirectory(reason: Reason): string {
  return `${reason.toLowerCase().replaceAll("_", "-")}.d`;
}
