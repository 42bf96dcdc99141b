/** What md shows now: the text of /proc/mdstat as a hint of which arrays there are, sysfs for what holds of each. */
import { strerror } from "../../../ffi/errno.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import { isUnderstood, type MdstatArray, parseMdstat } from "../mdstat.ts";
import { ARRAYS_MAX } from "../limits.ts";
import { type ArraySight, isRunning } from "../paths.ts";
import type { MdstatFile } from "./mdstat_file.ts";
import { readArray } from "./sights.ts";
import { isExhausted } from "./sysfs.ts";

/** raid4, raid5 and raid6 are one module, whose name mdstat may show instead. */
function isWanted(hint: MdstatArray, wanted: ReadonlySet<string>): boolean {
  const { personality = "" } = hint;
  return wanted.has(personality) || /^raid[456]$/.test(personality);
}

interface Seen {
  /** Its text is that by which a change is noticed. */
  readonly hint: MdstatArray;
  readonly sight: ArraySight;
}

export class Observer {
  readonly #log: Logger = logger("mdmpd", "mdstat");
  #seen = new Map<string, Seen>();
  #said = "";
  #isReadable = true;
  #isMultipathKnown = false;

  constructor(private readonly file: MdstatFile, public wanted: ReadonlySet<string>) {}

  /** Whether all could be read and understood when it was last looked at; if not, it is to be tried again. */
  get isReadable(): boolean {
    return this.#isReadable;
  }

  /** What is wrong with the file at the moment; "" for nothing. */
  get trouble(): string {
    return this.#said;
  }

  /**
   * Every array that is looked after; undefined while nothing can be said, which is not the same as that there are none. An array whose
   * text is the same is not read again, and its sight is the same object, unless it is one of `again`.
   */
  look(again: ReadonlySet<string>): ArraySight[] | undefined {
    const read = this.file.read();
    this.#isReadable = false;
    if ("failure" in read) {
      this.#say(read.failure);
      return undefined;
    }
    const mdstat = parseMdstat(read.text);
    if (!isUnderstood(mdstat)) {
      // It may be another file the next time.
      this.file.close();
      this.#say("/proc/mdstat is in an unknown grammar");
      return undefined;
    }
    const sights = this.#tryToSee(mdstat.arrays, again);
    if (typeof sights === "string") {
      this.#say(sights);
      return undefined;
    }
    this.#isReadable = true;
    const [problem] = mdstat.problems;
    this.#say(
      problem === undefined
        ? ""
        : `/proc/mdstat has a ${problem.kind} that is not understood, in line ${problem.line}`,
    );
    this.#mentionMultipath(mdstat.personalities);
    return sights;
  }

  /** Or why there are none: whoever has no descriptor left sees nothing, which is not the same as that nothing is there. */
  #tryToSee(hints: readonly MdstatArray[], again: ReadonlySet<string>): ArraySight[] | string {
    try {
      return this.#sights(hints, again);
    } catch (error) {
      if (!isExhausted(error)) throw error;
      return `arrays cannot be looked at: ${strerror(error.code)}`;
    }
  }

  #sights(hints: readonly MdstatArray[], again: ReadonlySet<string>): ArraySight[] {
    const next = new Map<string, Seen>();
    for (const hint of hints.filter((hint) => isWanted(hint, this.wanted)).slice(0, ARRAYS_MAX)) {
      const known = this.#seen.get(hint.name);
      const isSame = known?.hint.text === hint.text && !again.has(hint.name);
      const sight = isSame ? known.sight : readArray(hint);
      if (sight === undefined || !this.wanted.has(sight.personality)) continue;
      next.set(hint.name, { hint, sight });
    }
    this.#addMissed(hints, next);
    this.#seen = next;
    return [...next.values()].map(({ sight }) => sight);
  }

  /** An array that ends between two reads of the file makes the next one move up, and be in neither; sysfs has it. */
  #addMissed(hints: readonly MdstatArray[], next: Map<string, Seen>): void {
    const listed = new Set(hints.map(({ name }) => name));
    for (const [name, { hint }] of this.#seen) {
      const sight = listed.has(name) ? undefined : readArray(hint);
      if (sight === undefined || !isRunning(sight) || !this.wanted.has(sight.personality)) continue;
      next.set(name, { hint: { ...hint, text: "" }, sight });
    }
  }

  /** Once for each trouble, and once when it is over. */
  #say(trouble: string): void {
    if (trouble === this.#said) return;
    if (trouble !== "") this.#log.warn("{trouble}", { trouble });
    else this.#log.info("/proc/mdstat is read and understood again");
    this.#said = trouble;
  }

  #mentionMultipath(personalities: readonly string[]): void {
    if (this.#isMultipathKnown || !this.wanted.has("multipath")) return;
    this.#isMultipathKnown = true;
    if (personalities.includes("multipath")) return;
    this.#log.info(
      "this kernel has not loaded md multipath: it does with the first such array, up to Linux 6.7",
    );
  }
}
