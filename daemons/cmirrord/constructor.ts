/**
 * What the kernel sends with CTR: the table line's words from the log type on, led by the target's length in sectors.
 *
 *     <length> clustered-core <region size> [sync|nosync] [block_on_error]
 *     <length> clustered-disk <device> <region size> [sync|nosync] [block_on_error]
 */
import type { ByteString } from "../../src/wire/bytes.ts";
import { EINVAL, ENOMEM } from "./errors.ts";
import { MAX_REGIONS } from "./limits.ts";

export interface Construction {
  readonly regionSizeSectors: number;
  readonly regionCount: number;
  /** "" for a log that is kept in memory only. */
  readonly device: ByteString;
  /** The first argument as given, which the answer carries where the type is clustered-disk; otherwise "". */
  readonly answer: ByteString;
  readonly sync: "default" | "sync" | "nosync";
  readonly blockOnError: boolean;
}

/** Reads the words without a closing NUL. A negative error number when the original would answer it. */
export function parseConstruction(text: ByteString): Construction | number {
  const [length, type, ...args] = text.split(" ");
  if (type !== "clustered-core" && type !== "clustered-disk") return EINVAL;
  if (args.length === 0) return EINVAL;
  // What comes first decides what the log is; the type decides only what the answer carries.
  const core = integer(args[0]) !== 0;
  if (!countFits(args.length, core)) return EINVAL;
  const regionSizeSectors = integer(core ? args[0] : args[1]) % 2 ** 32;
  const lengthSectors = integer(length);
  if (regionSizeSectors <= 0 || lengthSectors <= 0) return EINVAL;
  const regionCount = Math.ceil(lengthSectors / regionSizeSectors);
  if (regionCount > MAX_REGIONS) return ENOMEM;
  const device = core ? "" : args[0];
  const answer = type === "clustered-disk" ? args[0] : "";
  return { regionSizeSectors, regionCount, device, answer, ...options(args) };
}

/** The original takes two words more than it needs, and looks at all of them. */
function countFits(count: number, core: boolean): boolean {
  return core ? count <= 3 : count >= 2 && count <= 4;
}

function options(args: readonly string[]): Pick<Construction, "sync" | "blockOnError"> {
  const last = args.findLast((word) => word === "sync" || word === "nosync");
  const sync = last === undefined ? "default" : last as "sync" | "nosync";
  return { sync, blockOnError: args.includes("block_on_error") };
}

/**
 * strtoll(3) with base 0, of a whole word; 0 for anything else. Lengths are below 2^54 sectors (2^63 bytes), so that a
 * double is exact to a sector for all but the last half; none of that size has few enough regions.
 */
function integer(word: string): number {
  const parts = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))$/.exec(word);
  if (parts === null) return 0;
  const [, sign, hex, octal, decimal] = parts;
  const value = hex !== undefined
    ? parseInt(hex, 16)
    : parseInt(octal ?? decimal, octal !== undefined ? 8 : 10);
  return sign === "-" ? -value : value;
}
