/** mdmpd's act: a path that dies, a stranger in its place, and its return, in a guest of the rig. */
import { root } from "../toolchain.ts";
import { playInGuest } from "./guest_act.ts";
import type { Stage } from "./stage.ts";

export async function mdmpdAct(stage: Stage, things: AsyncDisposableStack): Promise<void> {
  const paths = ["path left", "path right"];
  stage.recorder.order(...paths.flatMap((path) => [`${path} leads to`, `${path} in md`]));
  await playInGuest(stage, things, {
    scenario: `${root}/tasks/demo/mdmpd.sh`,
    purpose: "md multipath",
  });
}
