/** Every bound of the daemon, with its unit; the manifest says what happens when one is reached. */

/** listen(2) backlog, the original's. */
export const LISTEN_BACKLOG = 30;
export const DEFAULT_MAX_CLIENTS = 1024;
export const DEFAULT_ADMIN_MAX_CLIENTS = 5000;
/** Output that may wait for one client: room for the longest reply, an error of the admin program with a 4 MiB text, twice. */
export const OUTPUT_LIMIT_BYTES = 20 * 1024 * 1024;
/** How often a connection is looked at that has an unfinished message or unread replies: dropped when no message was
 * completed since the last look, so after 60 to 120 s. */
export const STALL_CHECK_MS = 60_000;
/** How often a file is tried whose lease another process has yet to give up. */
export const LEASE_RETRY_MS = 50;
/** A holder that lost its connection: SIGTERM at once, SIGKILL after this (the original's eighth probe). */
export const KILL_AFTER_MS = 1_600;
/** How long the daemon waits for holders when it ends itself (the original's fifteenth probe). */
export const KILL_GIVE_UP_MS = 3_000;
/** How often a holder that SIGKILL did not end is mentioned in the log. */
export const UNKILLABLE_REPORT_MS = 30_000;
/** How long a re-exec into a program that takes less than ours waits for a moment when nothing is in flight. */
export const HANDOVER_WAIT_MS = 3_000;
/** The C daemon reads at most this much state. */
export const FOREIGN_STATE_LIMIT_BYTES = 10 * 1024 * 1024;
/** Ours reads more: as much as the heap of the manifest can parse, some 200,000 locks. */
export const STATE_LIMIT_BYTES = 48 * 1024 * 1024;
/** Log outputs or filters of one setting: each costs every message, and an output a descriptor. */
export const LOG_WORDS_MAX = 1_000;
