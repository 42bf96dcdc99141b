/**
 * The superblock of format 0.90, md_p.h: 1,024 words of 32 bits in the byte order of the machine that wrote it.
 *
 *     word 0 magic  1–3 version  5 uuid0  7 level  8 KiB per device  10 raid disks  13–15 uuid1–3
 *     33 state  38 checksum  39, 40 events (the low half first where the machine is little-endian)
 *     128 + 32·i: disk i {number, major, minor, slot, state}, 992: this disk
 */
import {
  MAGIC,
  type Superblock,
  type SuperblockProblem,
  superblockProblem,
} from "./superblock_format.ts";

const WORDS = 1_024;
const CHECKSUM = 38;
const DISKS = 128;
const DISK_WORDS = 32;
const DISKS_MAX = 27;
const THIS_DISK = 992;
// md_p.h: bits of a disk's state, and of the array's
const DISK_FAULTY = 1 << 0;
const DISK_SYNC = 1 << 2;
const BITMAP_PRESENT = 1 << 8;
/** super_90_load: the bitmap follows the superblock after 4 KiB, unless mdadm said otherwise. */
const BITMAP_SECTORS = 8;

/** Sum of the words but the checksum's own, the carry added once: calc_sb_csum() of md.c. */
function checksum(word: (index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < WORDS; i++) if (i !== CHECKSUM) sum += word(i);
  return (sum % 0x1_0000_0000 + Math.floor(sum / 0x1_0000_0000)) % 0x1_0000_0000;
}

/** csum_fold() of md.c: old kernels kept 16 bits. */
function folded(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The four words of the uuid as they lie in memory. */
function uuidOf(view: DataView): string {
  const bytes = [5, 13, 14, 15].flatMap((word) =>
    [0, 1, 2, 3].map((byte) => view.getUint8(word * 4 + byte))
  );
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The slot of disk descriptor `at`, if it is in use or was. */
function slotAt(word: (index: number) => number, at: number): number | undefined {
  const isActive = (word(at + 4) & DISK_SYNC) !== 0 && (word(at + 4) & DISK_FAULTY) === 0;
  return isActive ? word(at + 3) : undefined;
}

/** Decodes SUPERBLOCK_BYTES bytes. A machine of either byte order accepts its own only, and so do we for it. */
export function decodeOld(view: DataView, littleEndian = true): Superblock | SuperblockProblem {
  const word = (index: number): number => view.getUint32(index * 4, littleEndian);
  if (view.getUint32(0, !littleEndian) === MAGIC) {
    return superblockProblem("byte order", "written by a machine of the other byte order");
  }
  if (word(0) !== MAGIC) return superblockProblem("absent", "no superblock");
  const [major, minor] = [word(1), word(2)];
  // 0.91: a reshape is under way
  if (major !== 0 || minor < 90 || minor > 91) {
    return superblockProblem("version", `version ${major}.${minor}`);
  }
  const sum = checksum(word);
  if (sum !== word(CHECKSUM) && folded(sum) !== folded(word(CHECKSUM))) {
    return superblockProblem("checksum", "wrong checksum");
  }
  if (word(10) === 0) return superblockProblem("impossible", "an array of no disks");
  return decoded(view, word, littleEndian);
}

function decoded(
  view: DataView,
  word: (index: number) => number,
  littleEndian: boolean,
): Superblock {
  const [high, low] = littleEndian ? [40, 39] : [39, 40];
  const number = word(THIS_DISK);
  const roles = Array.from(
    { length: DISKS_MAX },
    (_, i) => slotAt(word, DISKS + i * DISK_WORDS),
  );
  return {
    version: "0.90",
    arrayUuid: uuidOf(view),
    deviceUuid: undefined,
    level: word(7) | 0,
    raidDisks: word(10),
    events: word(high) * 0x1_0000_0000 + word(low),
    deviceNumber: number,
    role: slotAt(word, THIS_DISK),
    roles,
    neededSectors: word(8) * 2,
    bitmapSectors: (word(33) & BITMAP_PRESENT) === 0 ? undefined : BITMAP_SECTORS,
  };
}
