/** Acts that take place in a guest of the rig, for which no machine's own devices are touched: a scenario whose notes the demo tells. */
import { obstacle, rigPackages } from "../rig/requirements.ts";
import { parseLine } from "../rig/results.ts";
import { runScenario } from "../rig/run.ts";
import { ensurePackages } from "../setup.ts";
import type { Stage } from "./stage.ts";

export interface GuestAct {
  readonly title: string;
  /** The scenario's file. Its notes are "KIND text": act, why, happens, shown, and what `show` knows. */
  readonly scenario: string;
  /** What the guest's kernel is for. */
  readonly purpose: string;
  /** Shows a note of a kind of its own. */
  readonly show?: Readonly<Record<string, (text: string) => void>>;
}

/** Plays the act, or says why it cannot be played. */
export async function playInGuest(stage: Stage, act: GuestAct): Promise<void> {
  await stage.act(act.title);
  const isReady = await ensurePackages("the demo", rigPackages);
  const reason = isReady ? await obstacle() : "the rig's packages are not installed";
  if (reason !== undefined) {
    await stage.why(`left out: ${reason}`);
    await stage.why(`it needs a guest: apt-get install ${rigPackages.join(" ")}`);
    return;
  }
  await stage.happens(`starts a stock Debian kernel in QEMU, for its ${act.purpose}`);
  const lines: string[] = [];
  const run = runScenario(act.scenario, { onLine: (_, line) => lines.push(line) });
  let isOver = false;
  const over = run.finally(() => isOver = true);
  while (!isOver || lines.length > 0) {
    const line = lines.shift();
    if (line === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    else await tell(stage, act, line);
  }
  await using done = await over;
  if (done.faults.length > 0) await stage.shows(`the guest came to its end: ${done.faults}`, false);
}

/** Shows a line of the guest's results. */
async function tell(stage: Stage, { show = {} }: GuestAct, text: string): Promise<void> {
  const line = parseLine(text);
  if (line.kind === "check") await stage.shows(line.name, line.ok);
  if (line.kind !== "note") return;
  const [kind, words = ""] = line.text.split(/ (.*)/s);
  if (kind === "act") await stage.act(words);
  else if (kind === "why") await stage.why(words);
  else if (kind === "happens") await stage.happens(words);
  else if (kind in show) show[kind](words);
  else console.log(`          ${words}`);
}
