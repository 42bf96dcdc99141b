/** FIEMAP as a file system answers it (Documentation/filesystems/fiemap.rst), in batches, and the daemon's reading of it. */
import { type ExtentMap, ExtentReader } from "../../../../daemons/dmfilemapd/fiemap.ts";
import type { Extent } from "./disk_file.ts";

export const HEADER_BYTES = 32;
export const EXTENT_BYTES = 56;
const SECTOR_BYTES = 512;
const LAST = 1;
/** Few, so that even small files take several. */
const BATCH = 3;

/** An extent as it goes over the wire, in bytes. */
export interface RawExtent {
  readonly logical: bigint;
  readonly physical: bigint;
  readonly length: bigint;
  readonly flags: number;
}

/** The answer to one call. */
export function encodeAnswer(extents: readonly RawExtent[], mapped = extents.length): DataView {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + extents.length * EXTENT_BYTES));
  view.setUint32(20, mapped, true);
  view.setUint32(24, extents.length, true);
  extents.forEach(({ logical, physical, length, flags }, i) => {
    const at = HEADER_BYTES + i * EXTENT_BYTES;
    view.setBigUint64(at, logical, true);
    view.setBigUint64(at + 8, physical, true);
    view.setBigUint64(at + 16, length, true);
    view.setUint32(at + 40, flags, true);
  });
  return view;
}

/** What the daemon makes of a file with these extents. */
export function mapOf(extents: readonly Extent[]): ExtentMap {
  const raw = extents.map(({ logical, start, length }, i) => ({
    logical: BigInt(logical * SECTOR_BYTES),
    physical: BigInt(start * SECTOR_BYTES),
    length: BigInt(length * SECTOR_BYTES),
    flags: i + 1 === extents.length ? LAST : 0,
  }));
  const reader = new ExtentReader();
  let from: number | undefined = 0;
  for (let calls = 0; from !== undefined; calls++) {
    if (calls > extents.length) throw new Error("the reader does not come to an end");
    const begin: bigint = BigInt(from);
    const batch = raw.filter(({ logical, length }) => logical + length > begin).slice(0, BATCH);
    from = reader.take(encodeAnswer(batch), from);
  }
  return reader.map;
}
