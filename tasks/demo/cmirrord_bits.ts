/** What cmirrord knows of a mirror's regions: the bits that it writes to its log at SIGUSR1. */

/** One character for each region, region 0 first: "1" for in sync, or clean. */
export interface Bits {
  readonly sync: string;
  readonly clean: string;
}

/** The bits in the last of the dumps in a log; undefined where there is none, or half of one. */
export function lastBits(log: string, regions: number): Bits | undefined {
  const begin = log.lastIndexOf("LOG COMPONENT DEBUGGING");
  const end = log.indexOf("CLUSTER COMPONENT DEBUGGING", begin);
  if (begin < 0 || end < 0) return undefined;
  const [, sync = "", clean = ""] = log.slice(begin, end).split(/sync_bits:|clean_bits:/);
  const bits = { sync: bitsOf(sync).slice(0, regions), clean: bitsOf(clean).slice(0, regions) };
  return bits.clean.length === regions ? bits : undefined;
}

/** Bits of rows `[  0 -  15] FF 0A …`, the least significant of each byte first. */
function bitsOf(rows: string): string {
  const bytes = [...rows.matchAll(/\[ *\d+ - +\d+\]((?: [0-9A-F]{2})+)/g)]
    .flatMap(([, row]) => row.trim().split(" "));
  return bytes.map((byte) =>
    [...Number(`0x${byte}`).toString(2).padStart(8, "0")].reverse().join("")
  )
    .join("");
}

/** How a region is drawn. */
export type RegionState = "unsynced" | "dirty" | "clean";

/** The state of each region, from bits of the daemon. */
export function regionStates({ sync, clean }: Bits): RegionState[] {
  return [...sync].map((bit, region) =>
    bit === "0" ? "unsynced" : clean[region] === "1" ? "clean" : "dirty"
  );
}
