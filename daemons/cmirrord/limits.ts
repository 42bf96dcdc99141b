/** Every bound of the daemon, with its unit. */

/** Regions of one mirror: 32 MiB for each of its two bitmaps. A table with more is refused (-ENOMEM). */
export const MAX_REGIONS = 2 ** 28;
/** Data of one request: the kernel's connector takes 512 bytes, less its headers and the request's own 160. */
export const MAX_REQUEST_DATA_BYTES = 332;
/** Marks or clears in one request (FLUSH of dm-log-userspace sends groups of 32). */
export const MAX_REGIONS_PER_REQUEST = 32;
/** CPG_MEMBERS_MAX of corosync. */
export const MAX_MEMBERS = 128;
/** Messages that corosync would not take yet; at the bound, no more requests are read from the kernel. */
export const MAX_OUTBOX_MESSAGES = 4096;
/** Requests of this node that wait for an answer, all mirrors; the kernel has one for each waiting task. */
export const MAX_WAITING_REQUESTS = 4096;
/** Regions whose clearing is put off, in one mirror. */
export const MAX_IDLE_REGIONS = 1024;
/** How long the clearing of a region is put off, so that the next write to it need not mark it again. */
export const IDLE_CLEAR_MS = 1_500;
/** How long a join waits after a leave where C daemons are in the group, as they do (they sleep, with a 1 s clock). */
export const REJOIN_PAUSE_MS = 3_000;
/**
 * How long a region stays with the node that recovered it when its daemon died, while that daemon does not come back: the copy is over
 * then, however slow the legs (30 s and five attempts are what a SCSI disk takes to fail).
 */
export const HELD_RECOVERY_MS = 300_000;
/** First and longest pause before an attempt to join, or to send, is repeated. */
export const RETRY_FIRST_MS = 20;
export const RETRY_LONGEST_MS = 2_000;
/** How long a joiner waits for a checkpoint before it leaves and joins anew. */
export const CHECKPOINT_PATIENCE_MS = 20_000;
