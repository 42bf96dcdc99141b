/** mdmpd's act: a path that dies, a stranger in its place, and its return, in a guest of the rig. */
import { root } from "../toolchain.ts";
import { playInGuest } from "./guest_act.ts";
import type { Stage } from "./stage.ts";

export async function mdmpdAct(stage: Stage): Promise<void> {
  await playInGuest(stage, {
    title: "mdmpd: a failed path comes back, and only the right one",
    scenario: `${root}/tasks/demo/mdmpd.sh`,
    purpose: "md multipath",
  });
}
