/**
 * The kernel's side of the @stats_* messages, written from Documentation/admin-guide/device-mapper/statistics.rst and
 * drivers/md/dm-stats.c, with none of the daemon's code: text in, errno and text out.
 */
import { parseBounds, parseCount, parseRange, parseStep, splitWords } from "./kernel_words.ts";

export const EINVAL = 22;
export const ENOENT = 2;
export const ENOMEM = 12;

/** Places of the counters in a row of @stats_print. */
export const READS = 0;
export const SECTORS_READ = 2;
export const WRITES = 4;
export const SECTORS_WRITTEN = 6;
export const IN_FLIGHT = 8;
const BUSY_MS = 9;
const COUNTERS = 13;

export interface Answer {
  /** 0 or an errno. */
  readonly code: number;
  readonly text: string;
}

/** A region, as `struct dm_stat` has it; one area. */
export interface StatRow {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly program: string;
  readonly aux: string;
  readonly precise: boolean;
  readonly bounds: readonly number[];
  readonly counters: readonly number[];
  readonly bins: readonly number[];
}

/** An I/O between its start and its end. */
export interface Io {
  readonly write: boolean;
  readonly start: number;
  readonly end: number;
}

type Command = (words: readonly string[]) => Answer;

const OK: Answer = { code: 0, text: "" };

function failed(code: number): Answer {
  return { code, text: "" };
}

function isTouched(row: StatRow, io: Io): boolean {
  return io.start < row.end && row.start < io.end;
}

export class SimulatedKernel {
  #rows: readonly StatRow[] = [];
  #flying: readonly Io[] = [];
  /** Regions that fit the memory. */
  room = Infinity;
  /** Deleted regions whose memory is not free yet: dm_stats_delete() leaves it to call_rcu(). */
  #dying = 0;

  /** A kernel in the same state. Rows are never changed in place, so this costs next to nothing. */
  clone(): SimulatedKernel {
    const twin = new SimulatedKernel();
    twin.#rows = this.#rows;
    twin.#flying = this.#flying;
    twin.room = this.room;
    twin.#dying = this.#dying;
    return twin;
  }

  /** Ascending. */
  get rows(): readonly StatRow[] {
    return this.#rows;
  }

  row(id: number): StatRow | undefined {
    return this.#rows.find((row) => row.id === id);
  }

  readonly #commands: Readonly<Record<string, Command>> = {
    "@stats_create": (words) => this.#create(words),
    "@stats_delete": (words) => words.length === 1 ? this.#delete(words[0]) : failed(EINVAL),
    "@stats_list": (words) => words.length <= 1 ? this.#list(words[0]) : failed(EINVAL),
    "@stats_print": (words) => words.length === 1 ? this.#print(words[0]) : failed(EINVAL),
    "@stats_clear": (words) => words.length === 1 ? this.#clear(words[0]) : failed(EINVAL),
    "@stats_print_clear": (words) => {
      const printed = words.length === 1 ? this.#print(words[0]) : failed(EINVAL);
      if (printed.code === 0) this.#clear(words[0]);
      return printed;
    },
    "@stats_set_aux": (words) =>
      words.length === 2
        ? this.#change(words[0], (row) => ({ ...row, aux: words[1] }))
        : failed(EINVAL),
  };

  /** The end of an RCU grace period. */
  passGrace(): void {
    this.#dying = 0;
  }

  message(text: string): Answer {
    const [name, ...words] = splitWords(text);
    return this.#commands[name]?.(words) ?? failed(EINVAL);
  }

  #create(words: readonly string[]): Answer {
    const [rangeText = "", stepText = "", ...rest] = words;
    const range = parseRange(rangeText);
    const step = range && parseStep(stepText, range.end - range.start);
    const options = takeOptions(rest);
    if (range === undefined || step === undefined || options === undefined) return failed(EINVAL);
    if (this.#rows.length + this.#dying >= this.room) return failed(ENOMEM);
    // dm_stats_create() suspends the device, which waits until no I/O is under way.
    this.finishAll();
    let at = 0;
    while (this.#rows[at]?.id === at) at++;
    const zeros = {
      counters: Array(COUNTERS).fill(0),
      bins: Array(options.bounds.length + 1).fill(0),
    };
    const row: StatRow = { id: at, ...range, step, ...options, ...zeros };
    this.#rows = this.#rows.toSpliced(at, 0, row);
    return { code: 0, text: String(at) };
  }

  #delete(idText: string): Answer {
    const id = parseCount(idText);
    if (id === undefined) return failed(EINVAL);
    const at = this.#rows.findIndex((row) => row.id === id);
    if (at < 0) return failed(ENOENT);
    this.#rows = this.#rows.toSpliced(at, 1);
    this.#dying++;
    return OK;
  }

  #change(idText: string, change: (row: StatRow) => StatRow): Answer {
    const id = parseCount(idText);
    if (id === undefined) return failed(EINVAL);
    const at = this.#rows.findIndex((row) => row.id === id);
    if (at < 0) return failed(ENOENT);
    this.#rows = this.#rows.with(at, change(this.#rows[at]));
    return OK;
  }

  #clear(idText: string): Answer {
    return this.#change(idText, (row) => ({
      ...row,
      counters: row.counters.map((value, i) => i === IN_FLIGHT ? value : 0),
      bins: row.bins.map(() => 0),
    }));
  }

  #list(program: string | undefined): Answer {
    const listed = this.#rows.filter((row) => program === undefined || row.program === program);
    return { code: 0, text: listed.map(rowText).join("") };
  }

  #print(idText: string): Answer {
    const id = parseCount(idText);
    if (id === undefined) return failed(EINVAL);
    const row = this.row(id);
    if (row === undefined) return failed(ENOENT);
    const bins = row.bounds.length === 0 ? "" : ` ${row.bins.join(":")}`;
    return {
      code: 0,
      text: `${row.start}+${row.end - row.start} ${row.counters.join(" ")}${bins}\n`,
    };
  }

  /** An I/O begins: it is under way in every region that it touches. */
  begin(io: Io): void {
    this.#flying = [...this.#flying, io];
    this.#count(io, (counters) => {
      counters[IN_FLIGHT]++;
      return undefined;
    });
  }

  /** Ends the I/O that began first: it counts one in every region it touches, and its sectors exactly. */
  finish(): Io | undefined {
    const [io, ...others] = this.#flying;
    if (io === undefined) return undefined;
    this.#flying = others;
    this.#count(io, (counters, sectors, bins) => {
      counters[IN_FLIGHT]--;
      counters[BUSY_MS] += 3;
      counters[io.write ? WRITES : READS]++;
      counters[io.write ? SECTORS_WRITTEN : SECTORS_READ] += sectors;
      bins[sectors % bins.length]++;
    });
    return io;
  }

  /** Called for each I/O when it is counted. */
  onFinish: (io: Io) => void = () => {};

  finishAll(): void {
    for (let io = this.finish(); io !== undefined; io = this.finish()) this.onFinish(io);
  }

  #count(io: Io, add: (counters: number[], sectors: number, bins: number[]) => void): void {
    this.#rows = this.#rows.map((row) => {
      if (!isTouched(row, io)) return row;
      const counters = [...row.counters];
      const bins = [...row.bins];
      add(counters, Math.min(row.end, io.end) - Math.max(row.start, io.start), bins);
      return { ...row, counters, bins };
    });
  }
}

interface Options {
  readonly precise: boolean;
  readonly bounds: readonly number[];
  readonly program: string;
  readonly aux: string;
}

/** `[N FEATURE…] [PROGRAM [AUX]]`; a first word that is a number is the count of features, whatever was meant. */
function takeOptions(words: readonly string[]): Options | undefined {
  const count = parseCount(words[0] ?? "");
  const features = count === undefined ? [] : words.slice(1, 1 + count);
  if (count !== undefined && features.length < count) return undefined;
  const [program = "-", aux = "-", ...rest] = words.slice(count === undefined ? 0 : 1 + count);
  if (rest.length > 0) return undefined;
  let precise = false;
  let bounds: number[] | undefined = [];
  for (const feature of features) {
    if (feature === "precise_timestamps") precise = true;
    else if (feature.startsWith("histogram:")) bounds = parseBounds(feature.slice(10));
    else return undefined;
  }
  return bounds && { precise, bounds, program, aux };
}

/** A row of @stats_list. */
export function rowText({ id, start, end, step, program, aux, precise, bounds }: StatRow): string {
  const flags = precise ? " precise_timestamps" : "";
  const histogram = bounds.length === 0 ? "" : ` histogram:${bounds.join(",")}`;
  return `${id}: ${start}+${end - start} ${step} ${program} ${aux}${flags}${histogram}\n`;
}
