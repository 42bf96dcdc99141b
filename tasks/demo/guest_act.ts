/** Acts that take place in guests of the rig, for which no machine's own devices are touched: a scenario whose notes the demo tells. */
import { obstacle, rigPackages } from "../rig/requirements.ts";
import { type Line, parseLine } from "../rig/results.ts";
import { runScenario } from "../rig/run.ts";
import { ensurePackages } from "../setup.ts";
import type { Stage } from "./stage.ts";

export interface GuestAct {
  /** The scenario's file. Its notes are "KIND text": act, why, happens, shown, state, and what `show` knows. */
  readonly scenario: string;
  /** What the guests' kernel is for. */
  readonly purpose: string;
  /** Debian packages that it needs beside the rig's. */
  readonly packages?: readonly string[];
  /** Shows a note of a kind of its own; `at` is in the demo's time. */
  readonly show?: Readonly<Record<string, (text: string, at: number) => Promise<void>>>;
}

/** Plays the act, or says why it cannot be played. `things` ends its machines, where it is not over by itself. */
export async function playInGuest(
  stage: Stage,
  things: AsyncDisposableStack,
  act: GuestAct,
): Promise<void> {
  const packages = [...rigPackages, ...act.packages ?? []];
  const isReady = await ensurePackages("the demo", packages);
  const reason = isReady
    ? await obstacle()
    : `guests need more: apt-get install ${packages.join(" ")}`;
  if (reason !== undefined) return await stage.leaveOut(reason);
  await stage.happens(`starts a stock Debian kernel in QEMU, for its ${act.purpose}`);
  const lines: { node: number; text: string; received: number }[] = [];
  const abort = new AbortController();
  let isOver = false;
  const over = runScenario(act.scenario, {
    onLine: (node, text) => lines.push({ node, text, received: stage.now() }),
    signal: abort.signal,
  }).finally(() => isOver = true);
  things.defer(async () => {
    abort.abort();
    await over.then((run) => run[Symbol.asyncDispose](), () => {});
  });
  const teller = new Teller(stage, act);
  while (!isOver || lines.length > 0) {
    const line = lines.shift();
    if (line === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    else await teller.tell(line.node, parseLine(line.text), line.received);
  }
  const { faults } = await over;
  if (faults.length > 0) await stage.shows(`the guest came to its end: ${faults}`, false);
}

/** Tells the audience of what comes from the guests, whose clocks began with their kernels. */
class Teller {
  /** The demo's time when a node's clock was at 0. */
  readonly #starts = new Map<number, number>();

  constructor(private readonly stage: Stage, private readonly act: GuestAct) {}

  async tell(node: number, line: Line, received: number): Promise<void> {
    if (line.kind === "up") this.#starts.set(node, received - line.at);
    const start = this.#starts.get(node) ?? received;
    if (line.kind === "check") await this.stage.shows(line.name, line.ok, start + line.at);
    if (line.kind === "note") await this.#note(line.text, start, start + line.at);
  }

  async #note(text: string, start: number, at: number): Promise<void> {
    const [kind, words = ""] = text.split(/ (.*)/s);
    const { stage, act: { show = {} } } = this;
    if (kind === "act") await stage.part(words, at);
    else if (kind === "why") await stage.why(words, at);
    else if (kind === "happens") await stage.happens(words, at);
    else if (kind === "state") this.#state(words, start);
    else if (kind in show) await show[kind](words, at);
    else await stage.shown(words, at);
  }

  /** "UPTIME|TRACK|STATE": what was seen then, told later. */
  #state(words: string, start: number): void {
    const [uptime, track, state] = words.split("|");
    this.stage.recorder.state(track, state, start + Number(uptime));
  }
}
