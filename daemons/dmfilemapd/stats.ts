/**
 * The @stats_* messages of device-mapper (Documentation/admin-guide/device-mapper/statistics.rst, drivers/md/dm-stats.c).
 *
 * A message is words parted by blanks; a backslash takes the next character as it is. Answers are printed without escapes.
 * Texts are byte strings (src/wire/bytes.ts): to the kernel, the byte 0xa0 is a blank, wherever in a character it stands.
 */
import type { Span } from "./fiemap.ts";

/** What a new region is like. */
export interface RegionRequest extends Span {
  readonly program: string;
  readonly aux: string;
  readonly precise: boolean;
  /** Bounds as the kernel prints them, such as `1,5,20`; "" for none. */
  readonly histogram: string;
}

/** A row of @stats_list. */
export interface Region extends RegionRequest {
  readonly id: number;
  /** Sectors of an area. */
  readonly step: number;
}

/** The numbers of @stats_print, summed over a region's areas. */
export interface Counters {
  /** The 13 of Documentation/admin-guide/iostats.rst and statistics.rst, in order. */
  readonly values: readonly bigint[];
  readonly histogram: readonly bigint[];
}

export const COUNTERS = 13;
/** How many I/Os are under way: no count, so it is never carried over. */
export const IN_FLIGHT = 8;

/** A word that the kernel reads back as it is. There is no way to send an empty one: "-" stands for it, as in listings. */
export function escapeWord(word: string): string {
  return word === "" ? "-" : word.replace(/[\s\\]/g, "\\$&");
}

function features({ precise, histogram }: RegionRequest): string[] {
  const list = [
    ...(precise ? ["precise_timestamps"] : []),
    ...(histogram === "" ? [] : [`histogram:${histogram}`]),
  ];
  return list.length === 0 ? [] : [String(list.length), ...list];
}

/** One area, as filemaps have it. */
export function createMessage(request: RegionRequest): string {
  const { start, length, program, aux } = request;
  const words = ["@stats_create", `${start}+${length}`, "/1", ...features(request)];
  return [...words, escapeWord(program), escapeWord(aux)].join(" ");
}

export function deleteMessage(id: number): string {
  return `@stats_delete ${id}`;
}

/** All programs' regions. */
export function listMessage(): string {
  return "@stats_list";
}

export function printMessage(id: number): string {
  return `@stats_print ${id}`;
}

export function setAuxMessage(id: number, aux: string): string {
  return `@stats_set_aux ${id} ${escapeWord(aux)}`;
}

/** The id that @stats_create answers, or undefined. */
export function parseId(answer: string): number | undefined {
  const match = /^(\d{1,10})\n?$/.exec(answer);
  return match === null ? undefined : Number(match[1]);
}

/** `ID: START+LENGTH STEP PROGRAM AUX[ precise_timestamps][ histogram:BOUNDS]` */
const ROW =
  /^(\d{1,10}): (\d{1,20})\+(\d{1,20}) (\d{1,20}) (\S*) (.*?)( precise_timestamps)?(?: histogram:([0-9,]+))?$/s;

function parseRow(line: string): Region[] {
  const match = ROW.exec(line);
  if (match === null) return [];
  const [, id, start, length, step, program, aux, precise, histogram = ""] = match;
  return [{
    id: Number(id),
    start: Number(start),
    length: Number(length),
    step: Number(step),
    program,
    aux,
    precise: precise !== undefined,
    histogram,
  }];
}

/** Rows in the kernel's order. Total: what is no row, such as the rest of a text with a line break in it, is left out. */
export function parseList(answer: string): Region[] {
  return answer.split("\n").flatMap(parseRow);
}

/** `START+STEP` and 13 numbers, then bins as `a:b:c` where the region has a histogram. */
const AREA = /^\d+\+\d+((?: \d{1,20}){13})(?: (\d{1,20}(?::\d{1,20})*))?$/;

function parseArea(line: string): Counters | undefined {
  const match = AREA.exec(line);
  if (match === null) return undefined;
  const values = match[1].trim().split(" ").map(BigInt);
  return { values, histogram: match[2] === undefined ? [] : match[2].split(":").map(BigInt) };
}

/** The sum of all areas, or undefined where the answer is none of @stats_print. */
export function parsePrint(answer: string): Counters | undefined {
  const lines = answer.split("\n").filter((line) => line !== "");
  const areas = lines.map(parseArea);
  if (areas.length === 0 || areas.includes(undefined)) return undefined;
  return (areas as Counters[]).reduce(addCounters);
}

function combine(
  a: readonly bigint[],
  b: readonly bigint[],
  operation: (a: bigint, b: bigint) => bigint,
): bigint[] {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => operation(a[i] ?? 0n, b[i] ?? 0n));
}

export function addCounters(a: Counters, b: Counters): Counters {
  const add = (x: bigint, y: bigint): bigint => x + y;
  return {
    values: combine(a.values, b.values, add),
    histogram: combine(a.histogram, b.histogram, add),
  };
}

/** a − b, not below 0: times of a region that saw only a part may round up. */
export function subtractCounters(a: Counters, b: Counters): Counters {
  const subtract = (x: bigint, y: bigint): bigint => x > y ? x - y : 0n;
  return {
    values: combine(a.values, b.values, subtract),
    histogram: combine(a.histogram, b.histogram, subtract),
  };
}

export function isZero({ values, histogram }: Counters): boolean {
  return values.every((value) => value === 0n) && histogram.every((value) => value === 0n);
}

export function sameCounters(a: Counters, b: Counters): boolean {
  return combine(a.values, b.values, (x, y) => x - y).every((value) => value === 0n) &&
    combine(a.histogram, b.histogram, (x, y) => x - y).every((value) => value === 0n);
}

/** A measure of what a region has seen: I/Os of both directions. */
export function countedIos({ values }: Counters): bigint {
  return (values[0] ?? 0n) + (values[4] ?? 0n);
}
