/**
 * FIEMAP (linux/fiemap.h, Documentation/filesystems/fiemap.rst): where on its device a file's data are.
 *
 *     struct fiemap { start, length, flags, mapped, count, reserved } and behind it `count` × struct fiemap_extent
 *
 * A file is read in batches, from the start to the extent that has LAST or to an empty batch.
 */
import { getU64, layout, setU64 } from "../../src/wire/layout.ts";

export const FIEMAP = layout("struct fiemap", {
  fm_start: "u64",
  fm_length: "u64",
  fm_flags: "u32",
  fm_mapped_extents: "u32",
  fm_extent_count: "u32",
  fm_reserved: "u32",
});
export const FIEMAP_EXTENT = layout("struct fiemap_extent", {
  fe_logical: "u64",
  fe_physical: "u64",
  fe_length: "u64",
  pad: ["bytes", 16],
  fe_flags: "u32",
  pad2: ["bytes", 12],
});

const FIEMAP_EXTENT_LAST = 0x1;
const FIEMAP_EXTENT_UNKNOWN = 0x2;
const FIEMAP_EXTENT_DELALLOC = 0x4;
const FIEMAP_EXTENT_SHARED = 0x2000;
const SECTOR_SHIFT = 9;

/** Checked against the headers by the layout test, like those of ffi/. */
export const CONSTANTS = {
  FIEMAP_EXTENT_LAST,
  FIEMAP_EXTENT_UNKNOWN,
  FIEMAP_EXTENT_DELALLOC,
  FIEMAP_EXTENT_SHARED,
};
export const STRUCTS = [FIEMAP, FIEMAP_EXTENT];

/** A part of a device, in sectors of 512 bytes. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/** A file's extents, as far as they have been read. */
export interface ExtentMap {
  /** In the file's order; an extent that begins where the one before it ends is one with it. */
  readonly extents: readonly Span[];
  /** Whether data wait to be allocated: an extent that is not on the device yet was left out. */
  readonly unsettled: boolean;
  /** Whether blocks are another file's, too: what is written to them goes elsewhere, when it is written out. */
  readonly shared: boolean;
  /** Where in the file the last extent ends, in bytes: beyond the file's end where space is preallocated. */
  readonly endBytes: number;
}

/** How many bytes a request for `count` extents and its answer take. */
export function fiemapBytes(count: number): number {
  return FIEMAP.size + count * FIEMAP_EXTENT.size;
}

/** Writes a request for the extents from `startBytes` to the file's end; `view` holds fiemapBytes(count). */
export function encodeFiemap(view: DataView, startBytes: number, count: number): void {
  setU64(view, FIEMAP.at.fm_start, startBytes);
  view.setBigUint64(FIEMAP.at.fm_length, 2n ** 64n - 1n, true);
  // No FIEMAP_FLAG_SYNC: it would force data out that the file system holds back on purpose.
  view.setUint32(FIEMAP.at.fm_flags, 0, true);
  view.setUint32(FIEMAP.at.fm_mapped_extents, 0, true);
  view.setUint32(FIEMAP.at.fm_extent_count, count, true);
  view.setUint32(FIEMAP.at.fm_reserved, 0, true);
}

/** Bytes to sectors without loss for all of 64 bits: a number cannot hold every byte offset. */
function getSectors(view: DataView, offset: number): number {
  const low = view.getUint32(offset, true);
  const high = view.getUint32(offset + 4, true);
  return high * 2 ** (32 - SECTOR_SHIFT) + (low >>> SECTOR_SHIFT);
}

/** Collects batches into a map. Total: any bytes give extents. */
export class ExtentReader {
  readonly #extents: { start: number; length: number }[] = [];
  #unsettled = false;
  #shared = false;
  #endBytes = 0;

  get map(): ExtentMap {
    return {
      extents: this.#extents,
      unsettled: this.#unsettled,
      shared: this.#shared,
      endBytes: this.#endBytes,
    };
  }

  /** Takes an answer; where in the file to go on, in bytes, or undefined at the end. */
  take(view: DataView, startBytes: number): number | undefined {
    const room = Math.floor((view.byteLength - FIEMAP.size) / FIEMAP_EXTENT.size);
    const mapped = Math.min(view.getUint32(FIEMAP.at.fm_mapped_extents, true), room);
    for (let i = 0; i < mapped; i++) {
      const at = FIEMAP.size + i * FIEMAP_EXTENT.size;
      const flags = this.#takeExtent(view, at);
      this.#endBytes = getU64(view, at + FIEMAP_EXTENT.at.fe_logical) +
        getU64(view, at + FIEMAP_EXTENT.at.fe_length);
      if ((flags & FIEMAP_EXTENT_LAST) !== 0) return undefined;
    }
    // A file system that does not advance would keep us for ever.
    return mapped > 0 && this.#endBytes > startBytes ? this.#endBytes : undefined;
  }

  /** The extent's flags. */
  #takeExtent(view: DataView, at: number): number {
    const flags = view.getUint32(at + FIEMAP_EXTENT.at.fe_flags, true);
    if ((flags & FIEMAP_EXTENT_SHARED) !== 0) this.#shared = true;
    if ((flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC)) !== 0) this.#unsettled = true;
    else {
      const start = getSectors(view, at + FIEMAP_EXTENT.at.fe_physical);
      this.#join(start, getSectors(view, at + FIEMAP_EXTENT.at.fe_length));
    }
    return flags;
  }

  #join(start: number, length: number): void {
    // Data inside the inode have no sectors, and the kernel refuses a region without any.
    if (length === 0) return;
    const last = this.#extents.at(-1);
    if (last !== undefined && last.start + last.length === start) last.length += length;
    else this.#extents.push({ start, length });
  }
}
