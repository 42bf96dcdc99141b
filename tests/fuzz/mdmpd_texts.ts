/** Texts that mdmpd reads: /proc/mdstat, what its testers say, what an earlier run remembered. Damaged ones must do no harm. */
import { decodeMemory, encodeMemory } from "../../daemons/mdmpd/memory.ts";
import { isUnderstood, parseMdstat } from "../../daemons/mdmpd/mdstat.ts";
import { parseMessage } from "../../daemons/mdmpd/tester_protocol.ts";
import { damaged } from "./damage.ts";
import type { Random } from "./random.ts";
import { type FuzzTarget, hold } from "./target.ts";

const MDSTAT = new URL("../golden/mdmpd/mdstat/", import.meta.url);

function samples(): string[] {
  return [...Deno.readDirSync(MDSTAT)].map(({ name }) => name).sort()
    .map((name) => Deno.readTextFileSync(new URL(name, MDSTAT)));
}

/** The texts of the corpus, and single records of it under a header. */
export class MdstatTarget implements FuzzTarget {
  readonly name = "texts of /proc/mdstat";
  readonly tally = { whole: 0, partly: 0, refused: 0 };
  readonly #texts: readonly string[];
  #text = "";

  constructor(private readonly random: Random) {
    const whole = samples();
    const records = whole.flatMap((text) => text.split(/\n(?=md\S* : )/).slice(1));
    this.#texts = [...whole, ...records.map((text) => `Personalities : [raid1] \n${text}`)];
  }

  describe(): string {
    return JSON.stringify(this.#text);
  }

  step(): void {
    this.#text = damaged(this.random, this.random.pick(this.#texts));
    const mdstat = parseMdstat(this.#text);
    if (!isUnderstood(mdstat)) this.tally.refused++;
    else this.tally[mdstat.problems.length === 0 ? "whole" : "partly"]++;
    for (const { name, members, text } of mdstat.arrays) {
      hold(name !== "" && !/\s/.test(name), "a name is a word");
      hold(this.#text.includes(text.split("\n")[0]), "a record is a part of the text");
      for (const { device, number, flags } of members) {
        hold(device !== "" && Number.isInteger(number), "a member has a device and a number");
        hold(/^[A-Za-z]*$/.test(flags) && text.includes(`${device}[`), "a member is in its record");
      }
    }
  }
}

const MESSAGES = [
  '{"at":3}',
  '{"done":true}',
  '{"id":7,"type":"proven"}',
  '{"id":7,"type":"dead","reason":"read: Input/output error"}',
  '{"id":1,"type":"learned","learned":[{"name":"dm-0","events":17}]}',
  '{"id":12,"type":"unrestored","reason":"busy","unbound":true}',
];

export class MessageTarget implements FuzzTarget {
  readonly name = "messages of testers";
  readonly tally = { taken: 0, refused: 0 };
  #text = "";

  constructor(private readonly random: Random) {}

  describe(): string {
    return JSON.stringify(this.#text);
  }

  step(): void {
    this.#text = damaged(this.random, this.random.pick(MESSAGES));
    const message = parseMessage(this.#text);
    this.tally[message === undefined ? "refused" : "taken"]++;
    if (message === undefined) return;
    const isOne = "at" in message || "done" in message || "id" in message;
    hold(isOne, "what is taken is a message");
  }
}

const path = {
  hardware: { sectors: 100, readOnly: false, names: ["wwid:naa.1"] },
  deviceUuid: "d",
  role: 1,
  device: "8:16",
  diskSequence: 9,
  faultSeen: true,
  awaited: true,
};
const MEMORY = encodeMemory(
  new Map([["u", { lastEvents: 17, paths: new Map([["sda", path], ["sdb", path]]) }]]),
);

/** A daemon that is killed leaves its file whole; what else may damage it must not keep the next one from starting. */
export class MemoryTarget implements FuzzTarget {
  readonly name = "remembered states";
  readonly tally = { read: 0, refused: 0 };
  #text = "";

  constructor(private readonly random: Random) {}

  describe(): string {
    return JSON.stringify(this.#text);
  }

  step(): void {
    this.#text = damaged(this.random, MEMORY);
    try {
      const memory = decodeMemory(this.#text);
      this.tally.read++;
      hold(
        encodeMemory(decodeMemory(encodeMemory(memory))) === encodeMemory(memory),
        "it is stable",
      );
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      hold(error.name === "SyntaxError" || error.name === "ValiError", `it is ${error.name}`);
      this.tally.refused++;
    }
  }
}
