/** Every bound of the daemon, with its unit; the manifest says what happens when one is reached. */

/** How long input rests after an update, at least. */
export const DEFAULT_UPDATE_INTERVAL_MS = 25;
/** … at most, between the turns of one that is too much for a turn: they are one update, however far apart updates are to be. */
export const TURN_REST_MAX_MS = 25;
/** How long it rests after work that changed nothing, at least. */
export const REST_MIN_MS = 5;
/** Pause when a file cannot be opened now: for want of descriptors or memory, or because it is leased. */
export const UNOPENED_REST_MS = 250;
/** How often the regions are listed while others use device-mapper, at most … */
export const LIST_INTERVAL_MS = 100;
/** … and with so many times the time that the last listing took in between. */
export const LIST_FACTOR = 10;
/** … but not longer than this, so that the end of the group is noticed within a second. */
export const LIST_MAX_MS = 500;
/** An update that took long is followed by a rest of so many times its length: a fifth of a processor at most. */
export const REST_FACTOR = 4;
/** … but not longer than this: work may have taken long because it waited for a device. */
export const REST_MAX_MS = 500;
/** How often a file is looked at that may change without an event. */
export const DEFAULT_CHECK_INTERVAL_S = 10;
/** Regions that a group may have beyond one for each extent. */
export const DEFAULT_SEAM_LIMIT = 64;
/** Regions of a group altogether: each holds 64 KiB and more of kernel memory. */
export const DEFAULT_REGION_LIMIT = 8_192;
/** Mapped past the last extent, MiB; 0 is not at all. */
export const DEFAULT_LOOK_AHEAD_MIB = 0;

/** While data wait to be allocated, the file is looked at again after a quarter of the time that they have waited … */
export const SETTLE_FRACTION = 4;
/** … but not sooner … */
export const SETTLE_MIN_MS = 10;
/** … and not later. */
export const SETTLE_MAX_MS = 500;

/**
 * Space behind the file's end may be given back without an event, and data in shared blocks be written to others: how soon they
 * are looked at again behind a change …
 */
export const TRIM_FIRST_MS = 20;
/** … and how many times longer each further look waits … */
export const TRIM_FACTOR = 4;
/** … up to this: who preallocated or shared it on purpose keeps it. */
export const TRIM_MAX_MS = 3_600_000;

/** How long a file may have no extents before its group goes, so that one which is truncated and rewritten keeps it. */
export const EMPTY_GRACE_MS = 500;
/** How long the group's deletion waits for another daemon that changes regions of the device. */
export const DISSOLVE_WAIT_MS = 1_000;
/** How long a path may have no file, and how often it is looked at: the original's nine attempts, 100 ms apart. */
export const MISSING_GRACE_MS = 1_000;
export const MISSING_STEP_MS = 100;
/** How often an unlinked file's other holders are looked for, beside each close that is seen. */
export const HOLDER_CHECK_MS = 10_000;
/** The first look behind a close: the kernel tells of it before it counts the holder out (fs/file_table.c, __fput). */
export const HOLDER_FIRST_MS = 20;
/** Each further look waits so many times longer, up to the above. */
export const HOLDER_FACTOR = 4;

/** How long a daemon that is replaced may take to end, and how often it is looked for. */
export const TAKEOVER_WAIT_MS = 3_000;
export const TAKEOVER_STEP_MS = 20;

/** Regions created in one turn of the loop; the next ones follow in the next. */
export const CREATES_PER_TURN = 256;
/** Regions deleted in one turn. */
export const DELETES_PER_TURN = 1_024;
/** Free ids below the group's that are occupied for a moment, so that a new region does not get one. */
export const LOW_IDS_MAX = 256;
/** Free ids that are occupied for a moment when all regions of a group get ids in a row. */
export const DENSE_HOLES_MAX = 1_024;
/** New regions in one turn up to which idle neighbours are made one with them at once; beyond, only the bound on seams does. */
export const ABSORB_MAX = 16;
/** The bytes of a message that libdevmapper can send (libdm-stats.c: 1024 with the NUL). */
export const MESSAGE_MAX_BYTES = 1_000;
/** How long a new region waits for the memory of deleted ones: an RCU grace period, some ten milliseconds as a rule. */
export const FREED_WAIT_MS = 1_000;
/** How often it is tried. */
export const FREED_STEP_MS = 10;
/** Prints of the same regions until their counters stand still. */
export const STILL_ATTEMPTS = 8;
/** The largest answer of a message; 5,000 regions list in 118 kB. */
export const ANSWER_MAX_BYTES = 64 << 20;
/** Extents that one FIEMAP call returns. */
export const EXTENTS_PER_CALL = 1_024;
/** Members that a group descriptor may name. */
export const GROUP_IDS_MAX = 1 << 20;
