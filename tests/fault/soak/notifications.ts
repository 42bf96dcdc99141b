/** cmannotifyd's soak: a cluster of two whose cable is pulled, whose configuration changes, and whose corosync is killed. */
import { assertEquals } from "@std/assert";
import { KINDS } from "../../native/private_daemon.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import { pause } from "../../native/virtlockd/lab_daemon.ts";
import { eventually } from "../helpers/eventually.ts";
import { answerOf } from "./control.ts";
import { type Subject, subject } from "./subject.ts";
import { TwoNodes } from "./two_nodes.ts";

const TOLD = "/run/told";
const SCRIPT = "/etc/cluster/cman-notify.d/10-told";
/** The shortest that writes down what it is told. */
const SCRIPT_TEXT = `#!/bin/sh
echo "\${CMAN_NOTIFICATION#CMAN_REASON_} $CMAN_NOTIFICATION_QUORUM $CMAN_NOTIFICATION_MEMBERS" >> ${TOLD}
`;
const RELOADS = 20;
/** What scripts are told of a cluster that is whole. */
const WHOLE = "STATECHANGE 1 1 2";
/** Scripts that are not told more than that within this time are told no more. */
const STILL_MS = 200;

export function notifications(program: string): Subject {
  return new Notifications(program).subject;
}

class Notifications {
  readonly subject: Subject;
  #nodes: TwoNodes | undefined;

  constructor(program: string) {
    const kind = { ...KINDS.cmannotifyd, name: "cmannotifyd", program };
    this.subject = subject(kind, {
      lab: { network: true },
      prepare: (lab) => this.#prepare(lab),
      load: (lab, _daemon, hasSpace) => this.#load(lab, hasSpace),
      survives: (lab) => this.#isToldAnew(lab),
      processes: daemonAndRunner,
    });
  }

  get nodes(): TwoNodes {
    if (this.#nodes === undefined) throw new Error("there is no cluster yet");
    return this.#nodes;
  }

  async #prepare(lab: Lab): Promise<void> {
    await lab.run("sh", "-c", "mkdir -p /etc/cluster && mount -t tmpfs none /etc/cluster");
    await Deno.mkdir(lab.outside("/etc/cluster/cman-notify.d"));
    await lab.write("/etc/cluster/cmannotifyd.conf", "extra_variables = 1\n");
    await lab.write(SCRIPT, SCRIPT_TEXT, 0o755);
    await lab.write(TOLD, "");
    this.#nodes = await TwoNodes.form(lab);
  }

  /** Each event is told once. Where there is no space scripts cannot write, and what they were told is not known. */
  async #load(lab: Lab, hasSpace: boolean): Promise<void> {
    await this.#isQuiet(lab);
    await lab.write(TOLD, "");
    for (let at = 0; at < RELOADS; at++) await this.nodes.reload();
    await this.nodes.connect(false);
    await this.nodes.connect(true);
    if (!hasSpace) return;
    await eventually("scripts are told of the whole cluster", async () => isWhole(await told(lab)));
    await this.#isQuiet(lab);
    const lines = await told(lab);
    assertEquals(lines.filter((line) => line.startsWith("CONFIG_UPDATE")).length, RELOADS);
    assertEquals(lines.includes("STATECHANGE 0 1"), true, lines.join("\n"));
    await lab.write(TOLD, "");
    await this.nodes.restart();
    await this.#isToldAnew(lab);
  }

  /** Whoever reaches corosync tells scripts how things are. */
  async #isToldAnew(lab: Lab): Promise<void> {
    await eventually("scripts are told how things are", async () => isWhole(await told(lab)));
    await lab.write(TOLD, "");
  }

  /** No script runs or waits. */
  async #isQuiet(lab: Lab): Promise<void> {
    await eventually("no notification waits", async () => {
      const answer = await answerOf(lab, this.subject.control, "status");
      if (answer === undefined) return false;
      const { queue, notifications } = JSON.parse(answer);
      return queue.length === 0 && (notifications.at(-1)?.done ?? true);
    });
    await pause(STILL_MS);
  }
}

async function told(lab: Lab): Promise<string[]> {
  return (await Deno.readTextFile(lab.outside(TOLD))).trim().split("\n");
}

function isWhole(lines: readonly string[]): boolean {
  return lines.at(-1) === WHOLE;
}

async function daemonAndRunner(pid: number): Promise<number[]> {
  const [runner] = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).split(" ");
  return [pid, Number(runner)];
}
