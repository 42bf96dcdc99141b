/** Answers of @stats_list and @stats_print: whole ones must be read as they were meant, damaged ones must do no harm. */
import {
  createMessage,
  parseId,
  parseList,
  parsePrint,
  type Region,
  type RegionRequest,
} from "../../daemons/dmfilemapd/stats.ts";
import { SimulatedKernel } from "../daemons/dmfilemapd/model/kernel.ts";
import { damaged, nonsense, TELLING_NUMBERS } from "./damage.ts";
import type { Random } from "./random.ts";
import { type FuzzTarget, hold } from "./target.ts";

const NAMES = ["dmstats", "-", "a-b_c", "x", 'DMS_GROUP="f":0-3,5#-', "hostkeep:1:0:s", "\xc3\xa9"];
const BOUNDS = ["", "", "1", "1,5,20"];
const U64 = [0n, 1n, 99n, (1n << 53n) + 1n, (1n << 64n) - 1n];

function word(random: Random): string {
  if (random.below(3) > 0) return random.pick(NAMES);
  // The kernel hands out rows in lines, so a line break in a name cannot be told from the next row.
  return nonsense(random, 12).replace(/[\n\0\u2028]/g, "") || "-";
}

export class StatsListTarget implements FuzzTarget {
  readonly name = "@stats_list rows";
  readonly tally = { whole: 0, rows: 0, none: 0 };
  #text = "";

  constructor(private readonly random: Random) {}

  describe(): string {
    return JSON.stringify(this.#text);
  }

  step(): void {
    if (this.random.below(4) === 0) return this.#stepWhole();
    this.#text = damaged(this.random, this.#listing(1 + this.random.below(3)));
    const rows = parseList(this.#text);
    this.tally[rows.length > 0 ? "rows" : "none"]++;
    for (const row of rows) holdRow(row, this.#text);
  }

  #request(): RegionRequest {
    const { random } = this;
    return {
      start: random.below(1 << 30),
      length: 1 + random.below(1 << 20),
      // Blanks in a program's name or an aux text could not be told from the row's own.
      program: word(random).replace(/[\s\\]/g, "") || "-",
      aux: random.below(2) === 0 ? "-" : word(random),
      precise: random.below(2) === 0,
      histogram: random.pick(BOUNDS),
    };
  }

  /** What a kernel lists is what it was asked to create. */
  #stepWhole(): void {
    this.tally.whole++;
    const kernel = new SimulatedKernel();
    const request = this.#request();
    this.#text = createMessage(request);
    // A first word that is a number is taken for a count of features.
    if (!request.precise && request.histogram === "" && /^\d+$/.test(request.program)) return;
    const created = kernel.message(this.#text);
    hold(created.code === 0, `the kernel refuses it: ${created.code}`);
    hold(parseId(created.text) === 0, `id ${created.text}`);
    this.#text = kernel.message("@stats_list").text;
    const wanted = [{ ...request, id: 0, step: request.length }];
    hold(isAmbiguous(request) || same(parseList(this.#text), wanted), JSON.stringify(wanted));
  }

  #listing(rows: number): string {
    const { random } = this;
    let text = "";
    for (let id = 0; id < rows; id++) {
      const number = (): string =>
        random.below(8) === 0 ? random.pick(TELLING_NUMBERS) : String(random.below(1 << 24));
      const flags = random.pick([
        "",
        "",
        " precise_timestamps",
        " histogram:1,2",
        " precise_timestamps histogram:7",
      ]);
      text += `${id}: ${number()}+${number()} ${number()} ${random.pick(NAMES)} ${
        word(random)
      }${flags}\n`;
    }
    return text;
  }
}

/** An aux text that ends as the features of a row do. */
function isAmbiguous({ aux }: RegionRequest): boolean {
  return / (precise_timestamps|histogram:[0-9,]+)$/.test(` ${aux}`);
}

function same(rows: readonly Region[], wanted: readonly Region[]): boolean {
  const text = (row: Region): string => JSON.stringify(row, Object.keys(wanted[0]).sort());
  return rows.length === wanted.length && rows.every((row, i) => text(row) === text(wanted[i]));
}

function holdRow(row: Region, text: string): void {
  hold([row.id, row.start, row.length, row.step].every((value) => value >= 0), "a number is none");
  hold(text.includes(row.program) && text.includes(row.aux), "a text comes from nowhere");
  hold(/^[0-9,]*$/.test(row.histogram), `bounds ${row.histogram}`);
}

export class StatsPrintTarget implements FuzzTarget {
  readonly name = "@stats_print answers";
  readonly tally = { whole: 0, read: 0, refused: 0 };
  #text = "";

  constructor(private readonly random: Random) {}

  describe(): string {
    return JSON.stringify(this.#text);
  }

  step(): void {
    const areas = Array.from({ length: 1 + this.random.below(3) }, () => this.#area());
    const whole = areas.map((values, i) => areaText(values, i)).join("");
    this.#text = this.random.below(3) === 0 ? whole : damaged(this.random, whole);
    const counters = parsePrint(this.#text);
    this.tally[counters === undefined ? "refused" : "read"]++;
    if (counters !== undefined) {
      hold(counters.values.length === 13, `${counters.values.length} counters`);
      hold(counters.values.every((value) => value >= 0n), "a counter is below zero");
    }
    if (this.#text !== whole) return;
    this.tally.whole++;
    const sums = areas.reduce((sum, values) => sum.map((value, i) => value + values[i]));
    const read = [...counters?.values ?? [], ...counters?.histogram ?? []];
    hold(
      read.length === sums.length && read.every((value, i) => value === sums[i]),
      `sums ${sums}`,
    );
  }

  /** 13 counters, and 3 bins. */
  #area(): bigint[] {
    return Array.from(
      { length: 16 },
      () => this.random.below(9) === 0 ? this.random.pick(U64) : BigInt(this.random.below(1000)),
    );
  }
}

function areaText(values: readonly bigint[], area: number): string {
  return `${8 * area}+8 ${values.slice(0, 13).join(" ")} ${values.slice(13).join(":")}\n`;
}
