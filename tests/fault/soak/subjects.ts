/** The daemons that are soaked on this machine; those that need devices are soaked in the rig. */
import { build } from "../../../tasks/build.ts";
import { locks } from "./locks.ts";
import { notifications } from "./notifications.ts";
import type { Subject } from "./subject.ts";

/** Builds what is not built, and gives them all. */
export async function subjects(): Promise<Subject[]> {
  return [locks(await build("virtlockd")), notifications(await build("cmannotifyd"))];
}
