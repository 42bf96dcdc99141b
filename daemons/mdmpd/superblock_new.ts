/**
 * The superblock of the formats 1.0, 1.1 and 1.2, struct mdp_superblock_1 of md_p.h: little-endian on every machine. They differ in
 * where it lies.
 */
import { getU64, layout } from "../../src/wire/layout.ts";
import {
  MAGIC,
  type Superblock,
  SUPERBLOCK_BYTES,
  type SuperblockProblem,
  superblockProblem,
  type Version,
} from "./superblock_format.ts";

const HEAD = layout("struct mdp_superblock_1", {
  magic: "u32",
  major_version: "u32",
  feature_map: "u32",
  pad0: "u32",
  set_uuid: ["bytes", 16],
  set_name: ["bytes", 32],
  ctime: "u64",
  level: "u32",
  layout: "u32",
  size: "u64",
  chunksize: "u32",
  raid_disks: "u32",
  bitmap_offset: "u32",
  new_level: "u32",
  reshape_position: "u64",
  delta_disks: "u32",
  new_layout: "u32",
  new_chunk: "u32",
  new_offset: "u32",
  data_offset: "u64",
  data_size: "u64",
  super_offset: "u64",
  recovery_offset: "u64",
  dev_number: "u32",
  cnt_corrected_read: "u32",
  device_uuid: ["bytes", 16],
  devflags: "u8",
  bblog_shift: "u8",
  bblog_size: "u16",
  bblog_offset: "u32",
  utime: "u64",
  events: "u64",
  resync_offset: "u64",
  sb_csum: "u32",
  max_dev: "u32",
  pad3: ["bytes", 32],
});

/** Checked against the headers by the layout test. */
export const STRUCTS = [HEAD];

const ROLES_AT = 256;
const ROLES_MAX = (SUPERBLOCK_BYTES - ROLES_AT) / 2;
/** md_p.h: the largest slot number; above are spare, faulty and journal. */
const ROLE_MAX = 0xff00;
const SECTOR_BYTES = 512;
const FEATURE_BITMAP_OFFSET = 1 << 0;

/** Sum of the words, an odd half at the end included, the checksum taken for 0: calc_sb_1_csum() of md.c. */
function checksum(view: DataView, maxDev: number): number {
  const length = ROLES_AT + maxDev * 2;
  let sum = -view.getUint32(HEAD.at.sb_csum, true);
  for (let at = 0; at + 4 <= length; at += 4) sum += view.getUint32(at, true);
  if (length % 4 === 2) sum += view.getUint16(length - 2, true);
  return (sum % 0x1_0000_0000 + Math.floor(sum / 0x1_0000_0000)) % 0x1_0000_0000;
}

function hex(view: DataView, at: number, length: number): string {
  return Array.from({ length }, (_, i) => view.getUint8(at + i).toString(16).padStart(2, "0"))
    .join("");
}

/** What the kernel refuses too, apart from what needs the device's size. */
function problemOf(
  view: DataView,
  version: Version,
  offset: number,
): SuperblockProblem | undefined {
  if (view.getUint32(HEAD.at.magic, true) !== MAGIC) {
    return superblockProblem("absent", "no superblock");
  }
  const major = view.getUint32(HEAD.at.major_version, true);
  if (major !== 1) return superblockProblem("version", `version ${major}`);
  const maxDev = view.getUint32(HEAD.at.max_dev, true);
  if (maxDev > ROLES_MAX) return superblockProblem("impossible", `${maxDev} device numbers`);
  if (getU64(view, HEAD.at.super_offset) * SECTOR_BYTES !== offset) {
    return superblockProblem("place", `a superblock ${version} that belongs elsewhere`);
  }
  if (checksum(view, maxDev) !== view.getUint32(HEAD.at.sb_csum, true)) {
    return superblockProblem("checksum", "wrong checksum");
  }
  return undefined;
}

function roleAt(view: DataView, number: number, maxDev: number): number | undefined {
  if (number >= maxDev) return undefined;
  const role = view.getUint16(ROLES_AT + number * 2, true);
  return role < ROLE_MAX ? role : undefined;
}

/** Decodes SUPERBLOCK_BYTES bytes found at `offset`. */
export function decodeNew(
  view: DataView,
  version: Version,
  offset: number,
): Superblock | SuperblockProblem {
  const problem = problemOf(view, version, offset);
  if (problem !== undefined) return problem;
  const u32 = (at: number): number => view.getUint32(at, true);
  const maxDev = u32(HEAD.at.max_dev);
  const number = u32(HEAD.at.dev_number);
  const hasBitmap = (u32(HEAD.at.feature_map) & FEATURE_BITMAP_OFFSET) !== 0;
  return {
    version,
    arrayUuid: hex(view, HEAD.at.set_uuid, 16),
    deviceUuid: hex(view, HEAD.at.device_uuid, 16),
    level: view.getInt32(HEAD.at.level, true),
    raidDisks: u32(HEAD.at.raid_disks),
    events: getU64(view, HEAD.at.events),
    deviceNumber: number,
    role: roleAt(view, number, maxDev),
    roles: Array.from({ length: maxDev }, (_, i) => roleAt(view, i, maxDev)),
    neededSectors: getU64(view, HEAD.at.data_offset) + getU64(view, HEAD.at.size),
    bitmapSectors: hasBitmap ? view.getInt32(HEAD.at.bitmap_offset, true) : undefined,
  };
}
