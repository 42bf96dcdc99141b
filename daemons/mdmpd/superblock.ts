/**
 * md superblocks: where they are, and what one says. Pure and total: any bytes give a superblock or a typed reason why there is none.
 *
 * What is accepted here is what the kernel accepts (super_90_load and super_1_load in drivers/md/md.c of Linux 6.1).
 */
import {
  type Superblock,
  SUPERBLOCK_BYTES,
  type SuperblockProblem,
  superblockProblem,
  type Version,
} from "./superblock_format.ts";
import { decodeNew } from "./superblock_new.ts";
import { decodeOld } from "./superblock_old.ts";

export {
  isSuperblock,
  type Superblock,
  SUPERBLOCK_BYTES,
  type SuperblockProblem,
  type SuperblockProblemKind,
  type Version,
} from "./superblock_format.ts";

const SECTOR_BYTES = 512;
/** md_p.h: MD_RESERVED_BYTES */
const RESERVED_BYTES = 65_536;

/** What `metadata_version` in sysfs, or mdstat, calls a version we know. */
export function versionOf(text: string): Version | undefined {
  return text === "0.90" || text === "1.0" || text === "1.1" || text === "1.2" ? text : undefined;
}

/** Where a device of so many bytes has its superblock, in bytes from the beginning; undefined where it is too small for one. */
export function superblockOffset(version: Version, deviceBytes: number): number | undefined {
  const sectors = Math.floor(deviceBytes / SECTOR_BYTES);
  const at = {
    "0.90": deviceBytes - deviceBytes % RESERVED_BYTES - RESERVED_BYTES,
    // 8 KiB from the end, on a multiple of 4 KiB
    "1.0": (sectors - 16 - (sectors - 16) % 8) * SECTOR_BYTES,
    "1.1": 0,
    "1.2": 8 * SECTOR_BYTES,
  }[version];
  return at < 0 || at + SUPERBLOCK_BYTES > deviceBytes ? undefined : at;
}

/** Decodes what was read at superblockOffset(): SUPERBLOCK_BYTES bytes, `offset` bytes from the device's beginning. */
export function decodeSuperblock(
  version: Version,
  bytes: Uint8Array,
  offset: number,
): Superblock | SuperblockProblem {
  if (bytes.length < SUPERBLOCK_BYTES) {
    return superblockProblem("absent", `${bytes.length} bytes instead of ${SUPERBLOCK_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, SUPERBLOCK_BYTES);
  return version === "0.90" ? decodeOld(view) : decodeNew(view, version, offset);
}
