/**
 * /proc/mdstat: from the text to records. Pure and total: any text gives records and a list of what was not understood.
 *
 * The grammar is that of md_seq_show() and its kin in drivers/md/md.c and the personalities' status() functions of Linux 6.1; words
 * that a later kernel may add are let through. What is read here is a hint: arrays may change between two reads of the file, so
 * sysfs confirms whatever is acted upon.
 */

export interface MdstatMember {
  /** The kernel's name of the device, such as `dm-0` or `cciss/c0d0`. */
  readonly device: string;
  /** The descriptor's number, which is not the slot and no identity: it changes when a path is put back. */
  readonly number: number;
  /** Letters in parentheses, in order: F faulty, S spare, W write-mostly, J journal, R replacement. */
  readonly flags: string;
}

/** `[3/2] [U_U]` */
export interface MdstatSlots {
  readonly total: number;
  readonly working: number;
  /** A letter for each slot: `U` in use, `_` not; "" where the kernel printed none. */
  readonly map: string;
}

/** A resync, recovery, check or reshape that runs or waits. */
export interface MdstatSync {
  readonly action: string;
  /** 0–100, or the word that stands instead: DELAYED, PENDING, REMOTE. */
  readonly progress: number | string;
}

export interface MdstatArray {
  /** `md0`, `md_data`, `md_d1` */
  readonly name: string;
  /** `active`, `inactive`, and what later kernels say, such as `broken`. */
  readonly state: string;
  readonly access: "read-write" | "read-only" | "auto-read-only";
  /** Absent for an inactive array. */
  readonly personality: string | undefined;
  readonly members: readonly MdstatMember[];
  readonly kib: number | undefined;
  /** `0.90`, `1.0`, `1.1`, `1.2`, `non-persistent`, `external:…` */
  readonly metadata: string;
  readonly slots: MdstatSlots | undefined;
  readonly sync: MdstatSync | undefined;
  /** The line on the write-intent bitmap, without its first word. */
  readonly bitmap: string | undefined;
  /** The record's lines as they were: equal text, equal array. */
  readonly text: string;
}

export type MdstatProblemKind = "no header" | "line" | "member" | "status";

/** Something that is not in the grammar. */
export interface MdstatProblem {
  readonly kind: MdstatProblemKind;
  /** From 1; 0 for the text as a whole. */
  readonly line: number;
  readonly text: string;
}

export interface Mdstat {
  /** Names of the personalities that are loaded. */
  readonly personalities: readonly string[];
  readonly arrays: readonly MdstatArray[];
  readonly problems: readonly MdstatProblem[];
}

const PERSONALITIES = /^Personalities :(.*)$/;
const UNUSED = /^unused devices:/;
const HEAD = /^(\S+) : (\S+)(.*)$/;
const MEMBER = /^(.+)\[(-?\d+)\]((?:\([A-Za-z]\))*)$/;
const ACCESS = /^\((read-only|auto-read-only)\)$/;
const BLOCKS = /^\s*(\d+) blocks/;
const SUPER = /\bsuper (\S+)/;
const SLOTS = /\[(\d+)\/(\d+)\](?: \[([^\]\s]*)\])?/;
const BITMAP = /^\s*bitmap: (.*)$/;
const SYNC_RUNS = /^\s*\[[=>.]*\]\s+(\w+)\s*=\s*([\d.]+)%/;
const SYNC_WAITS = /^\s*(resync|recover|recovery|reshape|check)=(\S+)/;

type Draft = { -readonly [Key in keyof MdstatArray]: MdstatArray[Key] };

class Reader {
  readonly personalities: string[] = [];
  readonly arrays: MdstatArray[] = [];
  readonly problems: MdstatProblem[] = [];
  #array: Draft | undefined;

  read(text: string): Mdstat {
    let headers = 0;
    text.split("\n").forEach((line, index) => {
      if (PERSONALITIES.test(line)) headers++;
      this.#line(line, index + 1);
    });
    this.#finish();
    if (headers === 0) this.problems.unshift({ kind: "no header", line: 0, text: "" });
    const { personalities, arrays, problems } = this;
    return { personalities, arrays, problems };
  }

  #finish(): void {
    if (this.#array !== undefined) this.arrays.push(this.#array);
    this.#array = undefined;
  }

  #line(line: string, number: number): void {
    // A line of blanks ends a record, but it may also stand before the bitmap's.
    if (line.trim() === "") return;
    if (line.startsWith(" ") || line.startsWith("\t")) return this.#detail(line, number);
    this.#finish();
    const personalities = PERSONALITIES.exec(line);
    if (personalities !== null) {
      for (const [, name] of personalities[1].matchAll(/\[([^\]\s]+)\]/g)) {
        this.personalities.push(name);
      }
      return;
    }
    if (UNUSED.test(line)) return;
    const head = HEAD.exec(line);
    if (head === null) this.#problem("line", number, line);
    else this.#head(head[1], head[2], head[3], line, number);
  }

  #head(name: string, state: string, rest: string, line: string, number: number): void {
    const words = rest.split(" ").filter((word) => word !== "");
    const access = ACCESS.exec(words[0] ?? "")?.[1];
    if (words[0]?.startsWith("(")) words.shift();
    const end = words.indexOf("super");
    const metadata = end < 0 ? undefined : words[end + 1];
    const own = end < 0 ? words : words.slice(0, end);
    const personality = own.length > 0 && !MEMBER.test(own[0]) ? own.shift() : undefined;
    this.#array = {
      name,
      state,
      access: (access ?? "read-write") as MdstatArray["access"],
      personality,
      members: own.flatMap((word) => this.#member(word, number)),
      kib: undefined,
      metadata: metadata ?? "0.90",
      slots: undefined,
      sync: undefined,
      bitmap: undefined,
      text: line,
    };
  }

  #member(word: string, number: number): MdstatMember[] {
    const found = MEMBER.exec(word);
    if (found === null) {
      this.#problem("member", number, word);
      return [];
    }
    const flags = found[3].replace(/[()]/g, "");
    return [{ device: found[1], number: Number(found[2]), flags }];
  }

  #detail(line: string, number: number): void {
    const array = this.#array;
    if (array === undefined) return this.#problem("line", number, line);
    array.text += `\n${line}`;
    const blocks = BLOCKS.exec(line);
    const bitmap = BITMAP.exec(line);
    const sync = SYNC_RUNS.exec(line) ?? SYNC_WAITS.exec(line);
    if (blocks !== null) this.#blocks(array, line, Number(blocks[1]));
    else if (bitmap !== null) array.bitmap = bitmap[1];
    else if (sync !== null) array.sync = { action: sync[1], progress: progress(sync[2]) };
    else this.#problem("status", number, line);
  }

  #blocks(array: Draft, line: string, kib: number): void {
    array.kib = kib;
    array.metadata = SUPER.exec(line)?.[1] ?? array.metadata;
    const slots = SLOTS.exec(line);
    if (slots === null) return;
    const [, total, working, map = ""] = slots;
    array.slots = { total: Number(total), working: Number(working), map };
  }

  #problem(kind: MdstatProblemKind, line: number, text: string): void {
    this.problems.push({ kind, line, text });
  }
}

function progress(text: string): number | string {
  return /^[\d.]+$/.test(text) ? Number(text) : text;
}

/** Everything that a text says. Never throws. */
export function parseMdstat(text: string): Mdstat {
  return new Reader().read(text);
}

/** Whether a text is in a grammar of which enough is known to go by it. */
export function isUnderstood({ arrays, problems }: Mdstat): boolean {
  return arrays.length > 0 || !problems.some(({ kind }) => kind === "no header");
}
