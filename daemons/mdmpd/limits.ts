/** Every bound of the daemon, with its unit; the manifest says what happens when one is reached. */

/** How often a failed path is tested: what the original's man page promises. */
export const DEFAULT_INTERVAL_S = 15;
export const INTERVAL_MIN_S = 1;
export const INTERVAL_MAX_S = 3_600;
/** How often, at most, paths are tested while an array has no other path that works for certain. */
export const URGENT_INTERVAL_MS = 3_000;
/** From the kernel's notice to the first test: an operator's own commands have then come through, a passing fault has not yet passed. */
export const FIRST_CHECK_MS = 100;
/** How often an unused path is read where that is asked for. */
export const DEFAULT_STANDBY_INTERVAL_S = 60;

/** A read that takes longer counts as hanging. */
export const DEFAULT_PROBE_TIMEOUT_S = 10;
export const PROBE_TIMEOUT_MAX_S = 300;
/** Beyond the deadline of its reads, how long a child may be silent before it is left alone: an open(2) or a write hangs. */
export const CHILD_GRACE_MS = 5_000;
/** How often a child that is silent is given that time again because it is running: the machine is slow. */
export const CHILD_PATIENCE = 20;
/** How long a child may take to say its first word: it touches no device before, but the machine may be slow. */
export const CHILD_START_MS = 60_000;
/** Paths that one child tests together. */
export const BATCH_PATHS = 16;
/** Children at a time, those not counted that hang in the kernel. */
export const CHILDREN_MAX = 4;
/** Children that hang in the kernel and cannot be ended: beyond these, no further one is started. */
export const STUCK_CHILDREN_MAX = 64;
/** How often a path that hangs is tried anew while its last child is still in the kernel. */
export const HUNG_TRIES = 2;
/** What a child may answer, or be asked. A pipe takes the request whole, so that nobody waits. */
export const MESSAGE_LIMIT_BYTES = 60_000;

/** A path that an operator seems to have failed is left alone for so long. */
export const DEFAULT_OPERATOR_HOLD_S = 600;
/** A path that fails again within this time after it was put back is flapping. */
export const FLAP_WINDOW_MS = 600_000;
/** So long without a failure, and all is forgiven. */
export const FLAP_FORGIVEN_MS = 1_800_000;
/** The longest that a flapping path has to prove itself. */
export const FLAP_HOLD_MAX_MS = 300_000;
/** From this many failures on, it is said that a path flaps. */
export const FLAP_REPORTED = 3;
/** A member of an array with redundancy that was put back so often is left to the administrator. */
export const MEMBER_RETRIES = 3;

/** How long a path that was put back may take to be in use. */
export const CONFIRM_MS = 1_500;
export const CONFIRM_STEP_MS = 10;
/** A path that is a mere spare for so long gets its slot by our hand: the array's own thread is busy for ever. */
export const SLOT_AFTER_MS = 1_000;
/** How long md may take to write a change of the array, and this to show through the path that is tested. */
export const MARK_MS = 5_000;
/** A path that was removed a moment ago still has its old directory in sysfs; so long it is tried again. */
export const BIND_RETRY_MS = 2_000;

/** State changes of an array that the daemon may have missed when its last path failed: see identity.ts. */
export const EVENTS_SLACK = 8;
/** Blocks that are compared, where there is no superblock, between a path and one that works. */
export const SAMPLE_BLOCKS = 16;
/** A block that differs may have been written in between: it is read so often. */
export const SAMPLE_TRIES = 3;

/** Notices of the kernel within this time are one. */
export const COALESCE_MS = 50;
/** Text of /proc/mdstat, some 10,000 arrays. */
export const MDSTAT_LIMIT_BYTES = 1 << 20;
/** A file in sysfs. */
export const SYSFS_LIMIT_BYTES = 65_536;
/** Arrays that are looked after. */
export const ARRAYS_MAX = 4_096;
/** Paths that an array may have: MD_SB_DISKS is 27 with the old superblock, 1,920 with the new one. */
export const PATHS_MAX = 1_920;

/** Events that wait for the event program. Further ones are counted and dropped. */
export const HOOK_QUEUE_EVENTS = 1_024;
/** An event program that runs longer is killed. */
export const HOOK_TIMEOUT_MS = 60_000;
/** Until its helper is looked for again while events wait. */
export const HOOK_RETRY_MS = 5_000;
/** An event, or what its helper answers. */
export const HOOK_MESSAGE_BYTES = 8_192;
/** The remembered identities. */
export const STATE_LIMIT_BYTES = 8 << 20;
/** A child that has nothing to do is kept for so long: a test is often followed by a restoration … */
export const CHILD_IDLE_MS = 1_000;
/** … and, as long as tests are due, for longer than the default interval, so that none is started for each of them. */
export const CHILD_LINGER_MS = 20_000;
/** How often a job is given to another child when the first one was lost for another's sake. */
export const JOB_TRIES = 3;
