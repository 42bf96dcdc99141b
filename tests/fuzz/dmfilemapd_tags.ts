/** Group descriptors, and the marks that we leave in regions. */
import {
  formatGroupTag,
  type GroupTag,
  parseGroupTag,
} from "../../daemons/dmfilemapd/group_tag.ts";
import { formatMark, type Mark, parseMark } from "../../daemons/dmfilemapd/marks.ts";
import { damaged, nonsense } from "./damage.ts";
import type { Random } from "./random.ts";
import { type FuzzTarget, hold } from "./target.ts";

const ALIASES = ["f", '"f"', '"a b"', "a:b", "", "x=y", "1:2", '"', "\xff\xfe"];
const USERS = ["-", "", "some#data", "a b", "#", ":1#"];

export class TagTarget implements FuzzTarget {
  readonly name = "group descriptors";
  readonly tally = { whole: 0, read: 0, refused: 0 };
  #text = "";

  constructor(private readonly random: Random) {}

  describe(): string {
    return JSON.stringify(this.#text);
  }

  step(): void {
    const tag = this.#tag();
    const whole = formatGroupTag(tag);
    this.#text = this.random.below(3) === 0 ? whole : damaged(this.random, whole);
    const read = parseGroupTag(this.#text, tag.ids[0]);
    this.tally[read === undefined ? "refused" : "read"]++;
    if (this.#text === whole) {
      this.tally.whole++;
      hold(read !== undefined && same(read, tag), "it is not read as it was meant");
    }
    if (read === undefined) return;
    hold(read.ids[0] === tag.ids[0], "the leader is not the first");
    hold(read.ids.every((id, i) => i === 0 || id > read.ids[i - 1]), "ids do not ascend");
    const again = parseGroupTag(formatGroupTag(read), read.ids[0]);
    hold(again !== undefined && same(again, read), "what was read is not read again");
  }

  #tag(): GroupTag {
    const { random } = this;
    const ids: number[] = [];
    let id = random.small(1000);
    for (let left = 1 + random.small(20); left > 0; left--) {
      ids.push(id);
      id += 1 + (random.below(2) === 0 ? 0 : random.small(100));
    }
    const alias = random.below(3) > 0 ? random.pick(ALIASES) : nonsense(random, 10);
    // An alias that reads like a list and a user's text makes a descriptor with two meanings, for everybody.
    const isPlain = !/:[0-9][0-9,-]*#/.test(alias);
    return { alias: isPlain ? alias : "f", ids, user: random.pick(USERS) };
  }
}

function same(a: GroupTag, b: GroupTag): boolean {
  return a.alias === b.alias && a.user === b.user && a.ids.join() === b.ids.join();
}

export class MarkTarget implements FuzzTarget {
  readonly name = "marks in regions";
  readonly tally = { whole: 0, read: 0, refused: 0 };
  #text = "";

  constructor(private readonly random: Random) {}

  describe(): string {
    return JSON.stringify(this.#text);
  }

  step(): void {
    const group = this.random.small(100_000);
    const whole = formatMark({ group, mark: this.#mark() });
    this.#text = this.random.below(3) === 0 ? whole : damaged(this.random, whole);
    const read = parseMark(this.#text);
    this.tally[read === undefined ? "refused" : "read"]++;
    if (this.#text === whole) {
      this.tally.whole++;
      hold(read !== undefined && formatMark(read) === whole, "it is not read as it was meant");
    }
    if (read === undefined) return;
    const again = formatMark(read);
    const twice = parseMark(again);
    hold(twice !== undefined && formatMark(twice) === again, "what was read is not read again");
    if (read.mark.kind === "member") hold(read.mark.carry.values.length === 13, "not 13 counters");
  }

  #mark(): Mark {
    const { random } = this;
    const numbers = (length: number): bigint[] =>
      Array.from({ length }, () => BigInt(random.u32()) << BigInt(random.below(33)));
    const carry = { values: numbers(13), histogram: numbers(random.below(4)) };
    const marks: readonly (() => Mark)[] = [
      () => ({ kind: "spare", carry: random.below(2) === 0 ? undefined : carry }),
      () => ({ kind: "journal", leaderAux: nonsense(random, 30) }),
      () => ({ kind: "member", carry }),
    ];
    return random.pick(marks)();
  }
}
