/** The daemons that can be soaked on a machine without cluster and devices, and what each is put through beside what all are. */
import { assert, assertEquals } from "@std/assert";
import { build } from "../../../tasks/build.ts";
import { Caller, isLocked } from "../helpers/caller.ts";
import { LEASES } from "../helpers/stage.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import type { Daemon } from "../../native/virtlockd/lab_daemon.ts";
import { KINDS } from "../../native/private_daemon.ts";

export interface Subject {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly control: string;
  /** That do not end it. */
  readonly signals: readonly Deno.Signal[];
  /** The work of one turn, where there is space to write, or none. */
  readonly load: (lab: Lab, daemon: Daemon, hasSpace: boolean) => Promise<void>;
  /** What has to be there again when a daemon was killed and another one started. */
  readonly survives: (lab: Lab) => Promise<void>;
}

const CLIENTS = 12;
const PAIRS = 25;
const nothing = (): Promise<void> => Promise.resolve();

/** Clients come, lock, unlock and go, one of them keeps its lock over a re-exec, or over one that is refused for want of space. */
async function lockAndReexec(lab: Lab, daemon: Daemon, hasSpace: boolean): Promise<void> {
  await using holder = await Caller.connect(lab);
  await holder.createLockspace(LEASES);
  assertEquals(await holder.acquire(LEASES, "kept"), "ok");
  await Promise.all(Array.from({ length: CLIENTS }, (_, at) => lockAll(lab, at)));
  assertEquals(await daemon.reexec(), hasSpace, daemon.stderr.slice(-2_000));
  await using other = await Caller.connect(lab);
  assertEquals(await other.acquire(LEASES, "kept"), isLocked("kept"));
  assertEquals(await holder.release(LEASES, "kept"), "ok");
  assertEquals(await other.acquire(LEASES, "kept"), "ok");
  assertEquals(await other.release(LEASES, "kept"), "ok");
}

async function lockAll(lab: Lab, at: number): Promise<void> {
  await using caller = await Caller.connect(lab);
  for (let pair = 0; pair < PAIRS; pair++) {
    assertEquals(await caller.acquire(LEASES, `r${at}-${pair}`), "ok");
    assertEquals(await caller.release(LEASES, `r${at}-${pair}`), "ok");
  }
}

/** The kernel released the locks of the dead; whoever comes first has them. */
async function canLock(lab: Lab): Promise<void> {
  await using caller = await Caller.connect(lab);
  const made = await caller.createLockspace(LEASES);
  assert(made === "ok" || made.includes("already exists"), made);
  assertEquals(await caller.acquire(LEASES, "after"), "ok");
  assertEquals(await caller.release(LEASES, "after"), "ok");
}

async function hasSequence(lab: Lab): Promise<void> {
  const { size } = await Deno.stat(lab.outside("/run/cmirrord/sequence"));
  assert(size > 0, "the sequence of this node is lost");
}

function subject(
  name: string,
  rest: Partial<Subject>,
): (program: string) => Subject {
  const { args, control } = KINDS[name];
  const common = { signals: ["SIGHUP"], load: nothing, survives: nothing } as const;
  return (program) => ({ name, program, args, control, ...common, ...rest });
}

const SUBJECTS = [
  subject("virtlockd", { load: lockAndReexec, survives: canLock }),
  subject("cmannotifyd", {}),
  subject("mdmpd", { args: ["-f", "--interval", "1"] }),
  subject("cmirrord", { signals: ["SIGUSR1"], survives: hasSequence }),
];

/** Builds what is not built, and gives them all. */
export async function subjects(): Promise<Subject[]> {
  const found: Subject[] = [];
  for (const make of SUBJECTS) {
    const { name } = make("");
    found.push(make(await build(name)));
  }
  return found;
}
