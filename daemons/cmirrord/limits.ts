/** Every bound of the daemon, with its unit. */

/** Regions of one mirror: 32 MiB for each of its two bitmaps. A table with more is refused (-ENOMEM). */
export const MAX_REGIONS = 2 ** 28;
/** The smallest region of dm-mirror: a page of 4 KiB (_check_region_size of drivers/md/dm-raid1.c). */
export const PAGE_SECTORS = 8;
/** Data of one request: the kernel's connector takes 512 bytes, less its headers and the request's own 160. */
export const MAX_REQUEST_DATA_BYTES = 332;
/** Marks or clears in one request (FLUSH of dm-log-userspace sends groups of 32). */
export const MAX_REGIONS_PER_REQUEST = 32;
/** Room for requests that were not read yet: thousands of tasks would have to wait at once to fill it. */
export const KERNEL_ROOM_BYTES = 8 << 20;
/** Reads and writes of log devices under way, of all mirrors and of one; further ones wait. The kernel takes some more than the first. */
export const LOG_TRANSFERS = 256;
export const LOG_TRANSFERS_OF_MIRROR = 16;
/** How many requests before and behind the last one are repeated by the kernel when a new daemon asks for it. */
export const WAKE_REQUESTS = 512;
/** How long quorum may take to be known after nodes were lost; then corosync is asked. */
export const RING_PATIENCE_MS = 500;
/** How long corosync may take to answer before it is asked again. */
export const PROBE_PATIENCE_MS = 2_000;
/** Unmapped code is given back so long after the start. */
export const RELEASE_AFTER_MS = 500;
/** The same notice of a mirror is logged again after so long. */
export const NOTICE_PAUSE_MS = 60_000;
/** CPG_MEMBERS_MAX of corosync. */
export const MAX_MEMBERS = 128;
/** Requests that are read in one turn after an overrun: some tens of milliseconds. */
export const MAX_READS_AFTER_OVERRUN = 4096;
/** Messages that corosync would not take yet; at the bound, no more requests are read from the kernel. */
export const MAX_OUTBOX_MESSAGES = 4096;
/** Requests of this node that wait for an answer, of one mirror; at the bound, no more are read. The kernel has one for each waiting task. */
export const MAX_WAITING_REQUESTS = 4096;
/** RESUMEs of one mirror that wait for the group: the kernel repeats them every 15 s, and no longer waits for the older ones. */
export const MAX_WAITING_RESUMES = 64;
/** The kernel repeats what is not answered after 15 s (DM_ULOG_RETRY_TIMEOUT of dm-log-userspace-transfer.c); and some room. */
export const KERNEL_PATIENCE_MS = 20_000;
/** Regions whose clearing is put off, in one mirror. */
export const MAX_IDLE_REGIONS = 1024;
/** How long the clearing of a region is put off, so that the next write to it need not mark it again. */
export const IDLE_CLEAR_MS = 1_500;
/** Regions that fall idle within such a time are cleared together: a wake-up for each would be one for each write. */
export const IDLE_STEP_MS = 250;
/** How long a join waits after a leave where C daemons are in the group, as they do (they sleep, with a 1 s clock). */
export const REJOIN_PAUSE_MS = 3_000;
/**
 * How long regions stay with the node that recovers or has marked them when its daemon has died and does not come back: copies and
 * writes are over then, however slow the legs (30 s and five attempts are what a SCSI disk takes to fail), and its kernel begins none
 * without a daemon.
 */
export const HELD_RECOVERY_MS = 300_000;
/** First and longest pause before an attempt to join, or to send, is repeated. */
export const RETRY_FIRST_MS = 20;
export const RETRY_LONGEST_MS = 2_000;
/** How long corosync counts as awake after an answer: until the join for which it was asked is tried again, at least. */
export const PROBE_FRESH_MS = 2 * RETRY_LONGEST_MS;
/**
 * How long a table that was suspended under an earlier daemon waits for another one that takes its place. The kernel introduces a table
 * 2 s after its first request, which the service provokes at each start.
 */
export const SIBLING_PATIENCE_MS = 5_000;
/** Suspended tables that a daemon which does not know them keeps in mind. */
export const MAX_SUSPENDED_TABLES = 64;
/** How long a joiner waits for a checkpoint before it leaves and joins anew. */
export const CHECKPOINT_PATIENCE_MS = 20_000;
