/**
 * The log on disk, the same as the kernel's own disk log has it (drivers/md/dm-log.c): a header at 0, the clean bits at 1024.
 *
 *     u32 magic 0x4d695272 | u32 version 2 | u64 regions | zeros … | at 1024: ceil(regions/8) bytes, least significant bit first
 *
 * Among the zeros ours say who has written last: u32 magic 0x776d6b68 | u32 nodeid, at 16. Nobody else looks there. The kernel's log
 * and lvm2's daemon write back what they have read there; a daemon of lvm2 that has not read the device writes zeros.
 */
import { getU64, layout, setU64 } from "../../src/wire/layout.ts";
import { type Bitmap, packedBytes } from "./bitmap.ts";

export const LOG_HEADER = layout("struct log_header_disk", {
  magic: "u32",
  version: "u32",
  nr_regions: "u64",
});

const MAGIC = 0x4d69_5272;
const VERSION = 2;
/** Behind struct log_header_disk. */
const WRITER_MAGIC_AT = 16;
const WRITER_AT = 20;
const WRITER_MAGIC = 0x776d_6b68;
export const BITMAP_AT = 1024;
/** What is compared and written at a time; no logical block is larger than a page. */
export const LOG_BLOCK_BYTES = 4096;

/** The bytes of the log, in whole blocks of `blockBytes`: the device's logical block, or LOG_BLOCK_BYTES. */
export function logBytes(regionCount: number, blockBytes: number): number {
  return blockBytes * Math.ceil((BITMAP_AT + packedBytes(regionCount)) / blockBytes);
}

/** The image of a log, as it is on the device or is about to be. */
export class LogImage {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(readonly regionCount: number, blockBytes = LOG_BLOCK_BYTES) {
    this.bytes = new Uint8Array(logBytes(regionCount, blockBytes));
    this.#view = new DataView(this.bytes.buffer);
  }

  /**
   * How many regions the log on the device speaks of; 0 without the magic, as the original has it. 2^64-1, which LVM writes,
   * is as good as any number from regionCount on. The version is not looked at: 1 is read too.
   */
  regions(): number {
    if (this.#view.getUint32(LOG_HEADER.at.magic, true) !== MAGIC) return 0;
    return getU64(this.#view, LOG_HEADER.at.nr_regions);
  }

  /** The node whose daemon has written last, if it is one of ours; 0 if that is not known. */
  writer(): number {
    const isKnown = this.#view.getUint32(WRITER_MAGIC_AT, true) === WRITER_MAGIC;
    return isKnown ? this.#view.getUint32(WRITER_AT, true) : 0;
  }

  /** Takes the device's bits into `clean`; what it does not speak of is set to `others`. */
  load(clean: Bitmap, others: boolean): void {
    const known = this.regions();
    const length = packedBytes(this.regionCount);
    clean.bytes.set(this.bytes.subarray(BITMAP_AT, BITMAP_AT + length));
    clean.recount();
    clean.setFrom(Math.min(known, this.regionCount), others);
    clean.clearTail();
  }

  /** Writes header and bits into the image; what stands behind them stays. `writer`: 0 for lvm2's daemon, which does not say. */
  store(clean: Bitmap, writer: number): void {
    this.#view.setUint32(LOG_HEADER.at.magic, MAGIC, true);
    this.#view.setUint32(LOG_HEADER.at.version, VERSION, true);
    setU64(this.#view, LOG_HEADER.at.nr_regions, this.regionCount);
    if (writer !== 0) this.#sign(writer);
    this.bytes.set(clean.bytes.subarray(0, packedBytes(this.regionCount)), BITMAP_AT);
  }

  #sign(writer: number): void {
    this.#view.setUint32(WRITER_MAGIC_AT, WRITER_MAGIC, true);
    this.#view.setUint32(WRITER_AT, writer, true);
  }

  /** Empties the image: nothing is known of the device. */
  forget(): void {
    this.bytes.fill(0);
  }

  /**
   * Brings block `index` up to date with the bits, and says whether anything in it changed. The header counts with block 0.
   */
  storeBlock(clean: Bitmap, index: number): boolean {
    const start = Math.max(BITMAP_AT, index * LOG_BLOCK_BYTES);
    const end = Math.min((index + 1) * LOG_BLOCK_BYTES, BITMAP_AT + packedBytes(this.regionCount));
    let changed = false;
    for (let i = start; i < end; i++) {
      const byte = clean.bytes[i - BITMAP_AT];
      if (this.bytes[i] === byte) continue;
      this.bytes[i] = byte;
      changed = true;
    }
    return changed;
  }
}

/** The block of the log that holds the bit of a region. */
export function blockOf(region: number): number {
  return Math.floor((BITMAP_AT + (region >>> 3)) / LOG_BLOCK_BYTES);
}
