/**
 * What we write into the aux_data of regions.
 *
 *     hostkeep:1:GROUP:m:V,V,…[/B,B…]   a member that carries 13 counters and the bins of a histogram of regions merged into it
 *     hostkeep:1:GROUP:s[:V,V,…[/B,B…]] a spare: not a member yet, or any more, or there for its id only
 *     hostkeep:1:GROUP:l:AUX            a spare, too, that keeps the leader's aux_data while the leader is replaced
 *
 * Other members have no mark. A spare that is not in its group's list was left behind by a daemon that was killed.
 */
import { COUNTERS, type Counters } from "./stats.ts";

export type Mark =
  | { readonly kind: "member"; readonly carry: Counters }
  | { readonly kind: "spare"; readonly carry: Counters | undefined }
  | { readonly kind: "journal"; readonly leaderAux: string };

export interface Marked {
  readonly group: number;
  readonly mark: Mark;
}

const MARK = /^hostkeep:1:(\d{1,10}):([msl])(?::(.*))?$/s;
const NUMBERS = /^\d{1,20}(?:,\d{1,20})*$/;

function parseNumbers(text: string): bigint[] | undefined {
  return NUMBERS.test(text) ? text.split(",").map(BigInt) : undefined;
}

function parseCarry(text: string): Counters | undefined {
  const slash = text.indexOf("/");
  const values = parseNumbers(slash < 0 ? text : text.slice(0, slash));
  const histogram = slash < 0 ? [] : parseNumbers(text.slice(slash + 1));
  if (values?.length !== COUNTERS || histogram === undefined) return undefined;
  return { values, histogram };
}

/** The mark in a region's aux_data, or undefined for what is not ours. */
export function parseMark(aux: string): Marked | undefined {
  const match = MARK.exec(aux);
  if (match === null) return undefined;
  const group = Number(match[1]);
  const [, , kind, rest] = match;
  if (kind === "l") return { group, mark: { kind: "journal", leaderAux: rest ?? "" } };
  const carry = parseCarry(rest ?? "");
  if (kind === "s") return { group, mark: { kind: "spare", carry } };
  return carry === undefined ? undefined : { group, mark: { kind: "member", carry } };
}

function carryText({ values, histogram }: Counters): string {
  return `:${values.join(",")}${histogram.length === 0 ? "" : `/${histogram.join(",")}`}`;
}

export function formatMark({ group, mark }: Marked): string {
  const head = `hostkeep:1:${group}`;
  switch (mark.kind) {
    case "member":
      return `${head}:m${carryText(mark.carry)}`;
    case "spare":
      return `${head}:s${mark.carry === undefined ? "" : carryText(mark.carry)}`;
    case "journal":
      return `${head}:l:${mark.leaderAux}`;
  }
}
