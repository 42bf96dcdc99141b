/** cmirrord's soak: two mirrors that are written, suspended and resumed, while corosync dies as well. In a guest only. */
import { assertEquals } from "@std/assert";
import { CONTROL_SOCKET } from "../../../daemons/cmirrord/places.ts";
import { sh } from "../../../tasks/rig/guest/guest.ts";
import { answerOf } from "../../fault/soak/control.ts";
import { type Subject, subject } from "../../fault/soak/subject.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import { startCorosync } from "../helpers/corosync.ts";
import { awaited, succeeds } from "../helpers/in_time.ts";
import { digest, isInSync, mirrorTable } from "../helpers/mirror.ts";

const NAMES = ["core", "disk"] as const;
const BLOCKS = 256;

/** Of the disks, all of one size, four are legs, the last one is a log. */
export function mirrors(disks: readonly string[], mebibytes: number): Subject {
  return new Mirrors(disks, mebibytes).subject;
}

class Mirrors {
  readonly subject: Subject;
  #made = false;
  /** Writes that are under way, over a kill perhaps. */
  #writes: Deno.ChildProcess[] = [];

  constructor(private readonly disks: readonly string[], private readonly mebibytes: number) {
    const kind = { name: "cmirrord", program: "cmirrord", args: ["-f"], control: CONTROL_SOCKET };
    this.subject = subject(kind, {
      askers: 2,
      signals: ["SIGUSR1"],
      prepare: () => this.#prepare(),
      load: (_lab, _daemon, hasSpace) => this.#load(hasSpace),
      survives: (lab) => this.#areKnown(lab),
      finish: () => this.#finish(),
    });
  }

  async #prepare(): Promise<void> {
    sh("modprobe -a dm-mirror dm-log-userspace");
    for (const disk of this.disks) sh(`head -c ${this.mebibytes}M /dev/urandom > ${disk}`);
    assertEquals(await startCorosync(["127.0.0.1"], { tokenMs: 1_000 }), true);
  }

  /** No write fails, whatever happens to the daemon or to corosync meanwhile. */
  async #load(hasSpace: boolean): Promise<void> {
    await this.#written();
    this.#writes = NAMES.map((name) => this.#write(name));
    if (hasSpace) await this.#corosyncDies();
    for (const name of NAMES) await this.#suspendAndResume(name);
    await this.#written();
    this.#writes = NAMES.map((name) => this.#write(name));
  }

  #write(name: string): Deno.ChildProcess {
    const blocks = this.mebibytes * 256;
    const seek = Math.floor(Math.random() * (blocks - BLOCKS));
    const args = [`of=/dev/mapper/${name}`, "bs=4k", `count=${BLOCKS}`, `seek=${seek}`];
    const command = ["if=/dev/urandom", ...args, "oflag=direct", "status=none"];
    return new Deno.Command("dd", { args: command, stderr: "inherit" }).spawn();
  }

  async #written(): Promise<void> {
    const codes = await Promise.all(this.#writes.map(async (one) => (await one.status).code));
    this.#writes = [];
    assertEquals(codes.filter((code) => code !== 0), []);
  }

  /** In a process of its own, as one that waits for a daemon which never answers cannot be ended. */
  async #suspendAndResume(name: string): Promise<void> {
    const command = `dmsetup suspend ${name} && dmsetup resume ${name}`;
    const { status } = new Deno.Command("sh", { args: ["-c", command] }).spawn();
    let code: number | undefined;
    void status.then((ended) => code = ended.code);
    await awaited(`the end of ${command}`, () => code !== undefined);
    assertEquals(code, 0, command);
  }

  /**
   * What it has recorded for whoever looks into its death stays in /dev/shm, 8 MB each time, and so do the rings of its connections, 3 MB
   * each, where it took longer to die than libqb waits for that (30 ms, lib/ipc_shm.c).
   */
  async #corosyncDies(): Promise<void> {
    sh(
      "pid=$(cat /run/corosync.pid); kill -KILL $pid && rm -rf /dev/shm/qb-corosync-$pid-* /dev/shm/qb-$pid-*",
    );
    await awaited("corosync is back", () => succeeds("corosync"));
  }

  /** A kernel that has nothing to ask introduces its mirrors to who asks for their status. */
  async #areKnown(lab: Lab): Promise<void> {
    if (!this.#made) this.#make();
    new Deno.Command("dmsetup", { args: ["status", "--target", "mirror"], stdout: "null" }).spawn();
    await awaited("the daemon knows both mirrors", async () => {
      const answer = await answerOf(lab, CONTROL_SOCKET, "status");
      return answer !== undefined && JSON.parse(answer).mirrors.length === NAMES.length;
    });
    await awaited("both mirrors are in sync", () => NAMES.every(isInSync));
  }

  #make(): void {
    const { mebibytes, disks: [a, b, c, d, log] } = this;
    const core = mirrorTable({ uuid: "LVM-core", mebibytes, legs: [a, b] });
    const disk = mirrorTable({ uuid: "LVM-disk", mebibytes, log, legs: [c, d] });
    sh(`dmsetup create core --table "${core}" && dmsetup create disk --table "${disk}"`);
    this.#made = true;
  }

  async #finish(): Promise<void> {
    await this.#written();
    await awaited("both mirrors are in sync", () => NAMES.every(isInSync));
    for (const name of NAMES) sh(`dmsetup remove ${name}`);
    const [a, b, c, d] = this.disks.map(digest);
    assertEquals([a === b, c === d], [true, true], "the legs of a mirror are not the same");
  }
}
