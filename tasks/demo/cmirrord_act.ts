/** cmirrord's act: a mirror of two machines, one of which is pulled out in mid-write, in guests of the rig. */
import { root } from "../toolchain.ts";
import { type Bits, type RegionState, regionStates } from "./cmirrord_bits.ts";
import { playInGuest } from "./guest_act.ts";
import type { Stage } from "./stage.ts";

const LOOKS: Readonly<Record<RegionState, string>> = { unsynced: "·", dirty: "▒", clean: "█" };

/** What the scenario notes of the regions. */
interface Moment extends Partial<Bits> {
  readonly moment: string;
  readonly disk: string;
  readonly differ?: readonly number[];
}

export async function cmirrordAct(stage: Stage, things: AsyncDisposableStack): Promise<void> {
  await playInGuest(stage, things, {
    scenario: `${root}/tasks/demo/cmirrord.ts`,
    purpose: "device-mapper, twice",
    packages: ["corosync"],
    show: { regions: (text, at) => showRegions(stage, JSON.parse(text) as Moment, at) },
  });
}

/** Draws the daemon's bits, the log's, and where the legs differ, to the same scale. */
async function showRegions(stage: Stage, moment: Moment, at: number): Promise<void> {
  const { sync = "", clean = "", disk, differ } = moment;
  const states = regionStates({ sync, clean });
  stage.recorder.mirror({
    at,
    moment: moment.moment,
    states,
    disk,
    ...differ !== undefined && { differ },
  });
  await stage.shown(`${moment.moment}: █ clean  ▒ dirty  · not in sync yet`, at);
  console.log(`          cmirrord ${states.map((state) => LOOKS[state]).join("")}`);
  console.log(`          on disk  ${[...disk].map((bit) => bit === "1" ? "█" : "▒").join("")}`);
  if (differ === undefined) return;
  console.log(
    `          legs     ${states.map((_, i) => differ.includes(i) ? "≠" : "=").join("")}`,
  );
}
