/** The acts of the demo, in their order. */
import { join } from "@std/path";
import { root } from "../toolchain.ts";
import { cmannotifydAct } from "./cmannotifyd_act.ts";
import { cmirrordAct } from "./cmirrord_act.ts";
import { dmfilemapdAct } from "./dmfilemapd_act.ts";
import { mdmpdAct } from "./mdmpd_act.ts";
import type { Stage } from "./stage.ts";
import { virtlockdAct } from "./virtlockd_act.ts";

export interface Act {
  readonly daemon: string;
  readonly title: string;
  /** Plays it. What is to be ended or removed afterwards, also in mid-act, goes to `things`. */
  readonly play: (stage: Stage, things: AsyncDisposableStack) => Promise<void>;
}

export const acts: readonly Act[] = [
  {
    daemon: "virtlockd",
    title: "one writer for every disk",
    play: (stage, things) => virtlockdAct(stage, things, join(root, "dist/virtlockd")),
  },
  { daemon: "dmfilemapd", title: "statistics that follow a file", play: dmfilemapdAct },
  {
    daemon: "mdmpd",
    title: "a failed path comes back, and only the right one",
    play: mdmpdAct,
  },
  { daemon: "cmannotifyd", title: "scripts that hear of the cluster", play: cmannotifydAct },
  { daemon: "cmirrord", title: "a mirror outlives one of its writers", play: cmirrordAct },
];

/** The acts of the daemons that are named, or all. Throws on a name that is none. */
export function actsOf(names: readonly string[]): readonly Act[] {
  const unknown = names.find((name) => acts.every(({ daemon }) => daemon !== name));
  if (unknown !== undefined) {
    throw new Error(`no act "${unknown}": ${acts.map(({ daemon }) => daemon).join(", ")}`);
  }
  return names.length === 0 ? acts : acts.filter(({ daemon }) => names.includes(daemon));
}
