/** The daemons that are soaked on this machine. mdmpd has no arrays here, and cmirrord no mirrors: those they have in the rig. */
import { assert } from "@std/assert";
import { build } from "../../../tasks/build.ts";
import { KINDS } from "../../native/private_daemon.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import { locks } from "./locks.ts";
import { notifications } from "./notifications.ts";
import { type Subject, subject } from "./subject.ts";

/** Builds what is not built, and gives them all. */
export async function subjects(): Promise<Subject[]> {
  return [
    locks(await build("virtlockd")),
    notifications(await build("cmannotifyd")),
    watcher(await build("mdmpd")),
    mirrorer(await build("cmirrord")),
  ];
}

function watcher(program: string): Subject {
  const kind = { ...KINDS.mdmpd, name: "mdmpd", program, args: ["-f", "--interval", "1"] };
  return subject(kind, {});
}

function mirrorer(program: string): Subject {
  const kind = { ...KINDS.cmirrord, name: "cmirrord", program };
  return subject(kind, { signals: ["SIGUSR1"], survives: hasSequence });
}

async function hasSequence(lab: Lab): Promise<void> {
  const { size } = await Deno.stat(lab.outside("/run/cmirrord/sequence"));
  assert(size > 0, "the sequence of this node is lost");
}
