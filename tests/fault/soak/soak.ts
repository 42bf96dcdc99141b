/**
 * One daemon under load and faults for minutes or hours: is anything lost, does anything leak?
 *
 * First it is killed again and again, and each successor has another monotonic clock. Then one life is long, and takes turns of
 * work, signals, descriptors and space that run out, and a bound on its memory. At the end of each turn it is looked at.
 */
import { assert, assertEquals } from "@std/assert";
import { eventually } from "../helpers/eventually.ts";
import { openDescriptors, statusField } from "../helpers/process_status.ts";
import { Lab } from "../../native/virtlockd/lab.ts";
import { type Daemon, pause } from "../../native/virtlockd/lab_daemon.ts";
import { answerOf, connectTo } from "./control.ts";
import { MemoryCap } from "./memory_cap.ts";
import { growth, type Sample } from "./slope.ts";
import type { Subject } from "./subject.ts";

const RUN_SIZE = "6m";
const QUESTIONS = 8;
const SIGNALS = 200;
const CROWD = 30;
/** Descriptors that a daemon is left with beyond those it has. */
const SPARE_DESCRIPTORS = 4;
/** Of the whole time: the part with kills, and the part of the long life that is not measured yet. */
const KILLING = 0.2;
const WARM_UP = 0.4;
const TURN_REST_MS = 1_500;
/** Turns that count, however slow this machine is. */
const LEAST_SAMPLES = 2;
const SETTLE_MS = 400;
const START_LIMIT_MS = 60_000;
/** A kernel before 6.3 gives the clocks of unshare(2) to children only, and lets nobody vfork(2) any. */
const JOIN_CLOCKS = ["nsenter", "--time=/proc/self/ns/time_for_children"];

/** What one daemon's soak came to. */
export interface Outcome {
  readonly name: string;
  readonly kills: number;
  readonly turns: number;
  /** At the end of the turns that count, in KiB and in number. */
  readonly resident: readonly Sample[];
  readonly descriptors: readonly Sample[];
  readonly residentGrowth: number;
  readonly descriptorGrowth: number;
  /** As the subject has it. */
  readonly passingDescriptors: number;
  /** Whether this machine let us bound its memory. */
  readonly isCapped: boolean;
}

/** Throws an Error where something was lost, or the daemon ended by itself. */
export async function soak(subject: Subject, minutes: number): Promise<Outcome> {
  await using run = await SoakRun.open(subject);
  const endMs = minutes * 60_000;
  try {
    const kills = await run.killAgainAndAgain(endMs * KILLING);
    return { ...await run.live(endMs), kills };
  } catch (error) {
    throw new Error(`${subject.name} ${run.lastWords()}`, { cause: error });
  }
}

class SoakRun implements AsyncDisposable {
  readonly #began = performance.now();
  readonly #cap: MemoryCap | undefined;
  #daemon: Daemon | undefined;

  private constructor(private readonly subject: Subject, private readonly lab: Lab) {
    this.#cap = MemoryCap.make(subject.name);
  }

  static async open(subject: Subject): Promise<SoakRun> {
    const lab = await Lab.open(subject.lab);
    const run = new SoakRun(subject, lab);
    try {
      await lab.run("mount", "-o", `remount,size=${RUN_SIZE}`, "/run");
      await subject.prepare(lab);
      return run;
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #spentMs(): number {
    return performance.now() - this.#began;
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error("no daemon runs");
    return this.#daemon;
  }

  /** How the daemon is, and what it said last. */
  lastWords(): string {
    if (this.#daemon === undefined) return "has not started";
    const { ended, stderr } = this.#daemon;
    return `${JSON.stringify(ended ?? "runs")}: ${stderr.slice(-2_000)}`;
  }

  /** How often. */
  async killAgainAndAgain(untilMs: number): Promise<number> {
    let kills = 0;
    do {
      await this.#start(kills * 86_400);
      await this.#work();
      this.daemon.signal("SIGKILL");
      await this.daemon.status;
      kills++;
    } while (this.#spentMs < untilMs);
    await this.#start(0);
    return kills;
  }

  async live(untilMs: number): Promise<Omit<Outcome, "kills">> {
    const warmMs = this.#spentMs + (untilMs - this.#spentMs) * WARM_UP;
    const [resident, descriptors]: Sample[][] = [[], []];
    let turns = 0;
    while (this.#spentMs < untilMs || resident.length < LEAST_SAMPLES) {
      await this.#turn(turns++);
      if (this.#spentMs < warmMs) continue;
      const minutes = this.#spentMs / 60_000;
      resident.push({ minutes, value: await this.#sum(ownMemoryKib) });
      descriptors.push({ minutes, value: await this.#sum(openDescriptors) });
    }
    await this.subject.finish(this.lab);
    assertEquals((await this.daemon.terminate()).code, 0, this.daemon.stderr);
    return {
      name: this.subject.name,
      turns,
      resident,
      descriptors,
      residentGrowth: growth(resident),
      descriptorGrowth: growth(descriptors),
      passingDescriptors: this.subject.passingDescriptors,
      isCapped: this.#cap !== undefined,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    this.#cap?.remove();
  }

  /** A clock jump is another life's: monotonic time goes on from `offsetSeconds`. */
  async #start(offsetSeconds: number): Promise<void> {
    const { program, args, control } = this.subject;
    const clocks = ["--time", "--monotonic", `${offsetSeconds}`, "--boottime", `${offsetSeconds}`];
    const command = [...clocks, ...JOIN_CLOCKS, program, ...args];
    const options = { args: command, socket: control, startLimitMs: START_LIMIT_MS };
    this.#daemon = await this.lab.start("unshare", options);
    await this.subject.survives(this.lab);
  }

  async #turn(turn: number): Promise<void> {
    await this.#work();
    await this.#stormOfSignals();
    await this.#withoutDescriptors();
    await this.#withoutSpace();
    if (turn === 0) await this.#boundMemory();
    await pause(SETTLE_MS);
    assertEquals(this.daemon.ended, undefined, this.daemon.stderr.slice(-2_000));
    await pause(TURN_REST_MS);
  }

  async #work(hasSpace = true): Promise<void> {
    await this.subject.load(this.lab, this.daemon, hasSpace);
    await Promise.all(Array.from({ length: this.subject.askers }, () => this.#askAll()));
  }

  async #askAll(): Promise<void> {
    for (let question = 0; question < QUESTIONS; question++) {
      await this.#ask(["status", "metrics", "loglevel"][question % 3]);
    }
  }

  /** Waits for an answer: another client may have what it has to give. */
  async #ask(request: string): Promise<void> {
    await eventually(
      `an answer of ${this.subject.name} to ${request}`,
      () => this.#isAnswered(request),
    );
  }

  async #isAnswered(request: string): Promise<boolean> {
    return await answerOf(this.lab, this.subject.control, request) !== undefined;
  }

  #connect(): Promise<Deno.UnixConn> {
    return connectTo(this.lab, this.subject.control);
  }

  /** Over all processes that are the daemon's. */
  async #sum(of: (pid: number) => Promise<number>): Promise<number> {
    const pids = await this.subject.processes(this.daemon.pid);
    return (await Promise.all(pids.map(of))).reduce((sum, one) => sum + one, 0);
  }

  async #stormOfSignals(): Promise<void> {
    const { signals } = this.subject;
    for (let at = 0; at < SIGNALS; at++) this.daemon.signal(signals[at % signals.length]);
    await this.#ask("status");
  }

  /** A crowd comes to a daemon that may open next to nothing; when the crowd has gone it answers as before. */
  async #withoutDescriptors(): Promise<void> {
    const { pid } = this.daemon;
    const before = await openDescriptors(pid);
    const hard = await this.#limitDescriptors(before + SPARE_DESCRIPTORS);
    const crowd: Deno.Conn[] = [];
    for (let at = 0; at < CROWD; at++) {
      await this.#connect().then((one) => crowd.push(one), () => {});
    }
    await pause(100);
    for (const one of crowd) one.close();
    await this.#limitDescriptors(hard);
    await this.#ask("status");
    await eventually(
      "the descriptors are given back",
      async () => await openDescriptors(pid) <= before + 1,
    );
  }

  /** Sets the soft limit; the one that was. */
  async #limitDescriptors(limit: number): Promise<number> {
    const { pid } = this.daemon;
    const text = await Deno.readTextFile(`/proc/${pid}/limits`);
    const soft = Number(/^Max open files\s+(\d+)/m.exec(text)?.[1]);
    const { success, stderr } = await new Deno.Command("prlimit", {
      args: ["--pid", `${pid}`, `--nofile=${limit}:`],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return soft;
  }

  async #withoutSpace(): Promise<void> {
    const fill = this.lab.outside("/run/fill");
    await this.lab.run("sh", "-c", "dd if=/dev/zero of=/run/fill bs=4k 2>/dev/null; true");
    try {
      await this.#work(false);
      await this.#stormOfSignals();
    } finally {
      await Deno.remove(fill);
    }
  }

  async #boundMemory(): Promise<void> {
    const own = await ownMemoryKib(this.daemon.pid) * 1024;
    this.#cap?.hold(this.daemon.pid, own + this.subject.spareMemoryBytes);
  }
}

/** Without pages of files: those come and go as the machine has room. */
async function ownMemoryKib(pid: number): Promise<number> {
  return parseInt(await statusField(pid, "RssAnon"));
}
