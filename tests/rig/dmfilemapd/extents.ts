/** Where a file's data are on its device, as FIEMAP tells (linux/fiemap.h); and the arithmetic of ranges of sectors. */
import type { OpenFile } from "./libc.ts";

/** Sectors of 512 bytes. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

const FS_IOC_FIEMAP = 0xc020660bn;
const FIEMAP_EXTENT_LAST = 1;
const NOT_ALLOCATED = 2 | 4; // UNKNOWN, DELALLOC
const HEAD = 32;
const EXTENT = 56;
const COUNT = 2000;
const SECTOR = 512n;

/** Every allocated extent, in the file's order; nothing is written out for it. */
export function extentsOf(file: OpenFile): Span[] {
  const extents: Span[] = [];
  let from = 0n;
  for (;;) {
    const view = fiemap(file, from);
    const count = view.getUint32(20, true);
    for (let index = 0; index < count; index++) {
      const at = HEAD + index * EXTENT;
      const [logical, physical, length] = [0, 8, 16].map((field) =>
        view.getBigUint64(at + field, true)
      );
      const flags = view.getUint32(at + 40, true);
      from = logical + length;
      if ((flags & NOT_ALLOCATED) === 0) {
        extents.push({ start: Number(physical / SECTOR), length: Number(length / SECTOR) });
      }
      if ((flags & FIEMAP_EXTENT_LAST) !== 0) return extents;
    }
    if (count === 0) return extents;
  }
}

function fiemap(file: OpenFile, from: bigint): DataView {
  const request = new Uint8Array(HEAD + COUNT * EXTENT);
  const view = new DataView(request.buffer);
  view.setBigUint64(0, from, true);
  view.setBigUint64(8, 0xffff_ffff_ffff_ffffn - from, true);
  view.setUint32(24, COUNT, true);
  file.ioctl(FS_IOC_FIEMAP, request);
  return view;
}

/** The same sectors, ascending, with what touches or overlaps made one. */
export function union(spans: readonly Span[]): Span[] {
  const result: { start: number; length: number }[] = [];
  for (const { start, length } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last === undefined || last.start + last.length < start) result.push({ start, length });
    else last.length = Math.max(last.length, start + length - last.start);
  }
  return result;
}

/** Sectors of all spans; those that overlap count as often as they are there. */
export function sectorsOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0);
}

export function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  return a.length === b.length &&
    a.every(({ start, length }, index) => start === b[index].start && length === b[index].length);
}
