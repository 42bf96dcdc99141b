/** mdmpd's soak: arrays that lose a path and get it back, and are stopped and assembled, while the clock jumps. In a guest only. */
import { sh } from "../../../tasks/rig/guest/guest.ts";
import { answerOf } from "../../fault/soak/control.ts";
import { type Subject, subject } from "../../fault/soak/subject.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import { awaited, succeeds } from "../helpers/in_time.ts";
import {
  createMultipath,
  type DaemonStatus,
  DiskPath,
  fail,
  isInUse,
  read,
} from "../helpers/md.ts";

const CONTROL = "/run/mdmpd/control";
const STATE = "/run/mdmpd/state.json";
/** A tester is another process of the same control group, with a pipe each way and a descriptor of its own. */
const SPARE_MEMORY_BYTES = 96e6;
const TESTER_DESCRIPTORS = 3;

interface Multipath {
  readonly md: string;
  readonly paths: readonly [DiskPath, DiskPath];
}

/** An array for each disk, which has `sectors`. */
export function paths(disks: readonly string[], sectors: number): Subject {
  return new Paths(disks, sectors).subject;
}

class Paths {
  readonly subject: Subject;
  #arrays: readonly Multipath[] = [];
  #areDead = false;

  constructor(private readonly disks: readonly string[], private readonly sectors: number) {
    const args = ["-f", "--interval", "1"];
    const kind = { name: "mdmpd", program: "mdmpd", args, control: CONTROL };
    this.subject = subject(kind, {
      askers: 2,
      spareMemoryBytes: SPARE_MEMORY_BYTES,
      passingDescriptors: TESTER_DESCRIPTORS,
      prepare: () => this.#prepare(),
      load: (lab, _daemon, hasSpace) => this.#load(lab, hasSpace),
      survives: (lab) => this.#isPutBack(lab),
      finish: (lab) => this.#isPutBack(lab),
    });
  }

  #prepare(): Promise<void> {
    sh("modprobe multipath");
    this.#arrays = this.disks.map((device, at) => {
      const disk = { device, sectors: this.sectors };
      const paths = [new DiskPath(`p${at}a`, disk), new DiskPath(`p${at}b`, disk)] as const;
      createMultipath(`md${at}`, [paths[1], paths[0]]);
      return { md: `md${at}`, paths };
    });
    return Promise.resolve();
  }

  /** In the end each array has a dead path, which a daemon that is started then has to know for one that was found dead. */
  async #load(lab: Lab, hasSpace: boolean): Promise<void> {
    await this.#isPutBack(lab);
    sh("date -s '+1 hour' >/dev/null");
    for (const array of this.#arrays) await anew(array);
    for (const { md, paths: [path] } of this.#arrays) {
      await awaited(`${md} is known`, () => this.#has(lab, md, path, "active"));
      await fail(md, path);
      await awaited(
        `${md} has a path that is found dead`,
        () => this.#has(lab, md, path, "failed", 1),
      );
    }
    this.#areDead = true;
    sh("date -s '-1 hour' >/dev/null");
    if (hasSpace) await awaited("this is written down", () => this.#isWrittenDown(lab));
  }

  async #isPutBack(lab: Lab): Promise<void> {
    if (this.#areDead) { for (const { paths: [path] } of this.#arrays) path.heal(); }
    this.#areDead = false;
    for (const { md, paths } of this.#arrays) {
      await awaited(
        `both paths of ${md} are in use`,
        () => paths.every((path) => isInUse(md, path)),
      );
      await awaited(`${md} can be read`, () => read(md));
      await awaited(`${md} is known`, () => this.#has(lab, md, paths[0], "active"));
    }
  }

  async #has(
    lab: Lab,
    md: string,
    { kernelName }: DiskPath,
    phase: string,
    checks = 0,
  ): Promise<boolean> {
    const answer = await answerOf(lab, CONTROL, "status");
    const status: DaemonStatus | undefined = answer && JSON.parse(answer);
    const path = status?.arrays.find(({ device }) => device === `/dev/${md}`)
      ?.paths.find(({ device }) => device === `/dev/${kernelName}`);
    return path !== undefined && path.phase === phase && path.checks >= checks;
  }

  async #isWrittenDown(lab: Lab): Promise<boolean> {
    const text = await Deno.readTextFile(lab.outside(STATE));
    return text.split('"faultSeen":true').length - 1 === this.#arrays.length;
  }
}

/** An array that is new has no path that flaps, and so none that has to wait. */
async function anew({ md, paths }: Multipath): Promise<void> {
  await awaited(`${md} can be stopped`, () => succeeds(`mdadm --stop /dev/${md}`));
  sh(`mdadm --assemble /dev/${md} ${paths.map(({ node }) => node).join(" ")} 2>&1`);
}
