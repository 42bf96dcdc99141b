/** What superblocks of all formats have in common. Pure. */

/** Versions that differ in place and shape. */
export type Version = "0.90" | "1.0" | "1.1" | "1.2";

/** md_p.h: MD_SB_MAGIC */
export const MAGIC = 0xa92b_4efc;
/** One read serves: the old superblock has 4 KiB (MD_SB_BYTES), the new one at most (roles up to number 1,919). */
export const SUPERBLOCK_BYTES = 4_096;

export interface Superblock {
  readonly version: Version;
  /** The array's, 32 hexadecimal digits, bytes in the order of memory: as md/uuid in sysfs has them. */
  readonly arrayUuid: string;
  /** The device's, absent from the old format. The paths of a multipath array lead to one device, and so to one uuid. */
  readonly deviceUuid: string | undefined;
  /** −4 multipath, 1, 4, 5, 6, 10 … */
  readonly level: number;
  readonly raidDisks: number;
  /** Grows with each change of the array's state. */
  readonly events: number;
  /** The device's number in the array, and the slot that goes with it; undefined where it has none (spare, faulty). */
  readonly deviceNumber: number;
  readonly role: number | undefined;
  /** The slot of every device number, as far as this superblock knows. */
  readonly roles: readonly (number | undefined)[];
  /** What the device must hold: sectors from its beginning that the array uses, data and their offset. */
  readonly neededSectors: number;
  /** Of the write-intent bitmap, sectors from the superblock; absent where there is none inside. */
  readonly bitmapSectors: number | undefined;
}

/**
 * absent: no magic number. byte order: one of a machine of the other kind, which this kernel does not accept. place: it says that it
 * belongs elsewhere, as when a partition is read for its disk.
 */
export type SuperblockProblemKind =
  | "absent"
  | "byte order"
  | "version"
  | "checksum"
  | "place"
  | "impossible";

export interface SuperblockProblem {
  readonly problem: SuperblockProblemKind;
  readonly text: string;
}

export function isSuperblock(
  found: Superblock | SuperblockProblem | undefined,
): found is Superblock {
  return found !== undefined && "arrayUuid" in found;
}

export function superblockProblem(problem: SuperblockProblemKind, text: string): SuperblockProblem {
  return { problem, text };
}
