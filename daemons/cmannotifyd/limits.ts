/** Every bound of the daemon, with its unit; the manifest says what happens when one is reached. */

/** Pauses between attempts to reach corosync: doubled from the first to the longest, which was the original's only one. */
export const RETRY_FIRST_MS = 100;
export const RETRY_LONGEST_MS = 1_000;
/** How long corosync may take to take a connection before it counts as stopped. */
export const ANSWER_MS = 2_000;
/** Notifications that wait for their scripts, by default. */
export const DEFAULT_QUEUE_LIMIT = 4_096;
/** The most that queue_limit may ask for: about 100 MB in a cluster of 32 nodes. */
export const QUEUE_LIMIT_MOST = 65_536;
/** The queue's length is logged when it first reaches this, and each doubling. */
export const QUEUE_REPORT_FIRST = 16;
/** The longest script_timeout, in seconds: a day. */
export const TIMEOUT_MOST_S = 86_400;
/** Between SIGTERM and SIGKILL for a script that ran out of time. */
export const KILL_GRACE_MS = 5_000;
/** While that lasts and the script itself has ended: how often others that it started are counted. */
export const LINGER_LOOK_MS = 100;
/** Pauses between looks whether scripts of an earlier run of the daemon have ended: doubled from the first to the longest. */
export const TURN_FIRST_MS = 50;
export const TURN_LONGEST_MS = 500;
/** When waiting for those is mentioned. */
export const TURN_REPORT_MS = 10_000;
/** A message between the daemon and its runner: the variables of 384 nodes, corosync's most, take a fifth; JSON may be longer. */
export const MESSAGE_MAX_BYTES = 131_072;
/** Notifications that `status` shows. */
export const HISTORY_LENGTH = 32;
/** -r: the highest of SCHED_RR, the original's. */
export const REALTIME_PRIORITY = 99;
/** proc(5): the original's −16, on the older scale of −17 to 15, as one of −1000 to 1000. */
export const OOM_SCORE = -941;
/** When memory that only the start needed is given back. */
export const RELEASE_AFTER_MS = 200;
/** And after so many notifications. */
export const RELEASE_EVERY = 32;
/** How long the service manager's status line may lag behind. */
export const STATUS_EVERY_MS = 250;
