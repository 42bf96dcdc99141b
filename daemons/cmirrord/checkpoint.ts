/**
 * What a joiner is sent: the data of CHECKPOINT_READY.
 *
 *     sync bits | clean bits | 64 bytes of text: "<region under recovery> <recoverer> " in decimal, padded with NULs
 */
import { type ByteString, decodeBytes, encodeBytes } from "../../src/wire/bytes.ts";
import { bitmapBytes } from "./bitmap.ts";

const TEXT_BYTES = 64;
/** No region under recovery: 2^64 - 1. A string: as a number it is not exact. */
const NO_REGION = "18446744073709551615";

/** Of which recovery a checkpoint tells. `region` is -1 for none. */
export interface CheckpointRecovery {
  region: number;
  recoverer: number;
}

export function checkpointBytes(regionCount: number): number {
  return 2 * bitmapBytes(regionCount) + TEXT_BYTES;
}

/** Writes the data at `offset`; `sync` and `clean` are bitmaps of the same length. Returns the offset behind them. */
export function encodeCheckpoint(
  into: Uint8Array,
  offset: number,
  sync: Uint8Array,
  clean: Uint8Array,
  { region, recoverer }: CheckpointRecovery,
): number {
  into.set(sync, offset);
  into.set(clean, offset + sync.length);
  const text = offset + sync.length + clean.length;
  into.fill(0, text, text + TEXT_BYTES);
  encodeBytes(`${region < 0 ? NO_REGION : region} ${recoverer}`, into, text);
  return text + TEXT_BYTES;
}

/** The recovery that the data tell of, or undefined where they are not those of a log with so many regions. */
export function decodeCheckpoint(
  data: Uint8Array,
  regionCount: number,
): CheckpointRecovery | undefined {
  if (data.length !== checkpointBytes(regionCount)) return undefined;
  const start = data.length - TEXT_BYTES;
  const end = data.indexOf(0, start);
  if (end < 0) return undefined;
  return parseText(decodeBytes(data, start, end), regionCount);
}

function parseText(text: ByteString, regionCount: number): CheckpointRecovery | undefined {
  const words = /^(\d{1,20}) (\d{1,10}) ?$/.exec(text);
  if (words === null) return undefined;
  const region = words[1] === NO_REGION ? -1 : Number(words[1]);
  const recoverer = Number(words[2]);
  return region < regionCount && recoverer <= 0xffff_ffff ? { region, recoverer } : undefined;
}

/** The sync bits in the data, and the clean bits. */
export function checkpointSync(data: Uint8Array, regionCount: number): Uint8Array {
  return data.subarray(0, bitmapBytes(regionCount));
}

export function checkpointClean(data: Uint8Array, regionCount: number): Uint8Array {
  return data.subarray(bitmapBytes(regionCount), 2 * bitmapBytes(regionCount));
}
