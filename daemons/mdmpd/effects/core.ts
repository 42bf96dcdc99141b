/**
 * The watch over paths: what md shows goes to the machine, what the machine wants goes to the testers, what they find goes to the
 * machine again.
 */
import { type Logger, logger } from "../../../src/host/log.ts";
import type { Program } from "../../../src/host/program.ts";
import type { Reactor, Timer } from "../../../src/host/reactor.ts";
import type { Policy } from "../backoff.ts";
import { Machine, type PathDisk } from "../machine.ts";
import type { Action, ArrayState } from "../machine_state.ts";
import {
  arrayMemory,
  forgetNameless,
  type Memory,
  rememberLearned,
  rememberOut,
  rememberPath,
} from "../memory.ts";
import { type ArraySight, compareNames, isMultipath, workingPaths } from "../paths.ts";
import type { Answer, Job } from "../tester_protocol.ts";
import { Children } from "./children.ts";
import { hardwareOf } from "./hardware.ts";
import { eventOf, learnJob, pathJob, type Waiting } from "./jobs.ts";
import { MdstatFile } from "./mdstat_file.ts";
import { Observer } from "./observer.ts";
import type { Reporter } from "./reporter.ts";
import { isDiskThere } from "./sights.ts";
import type { StateFile } from "./state_file.ts";
import { isExhausted } from "./sysfs.ts";

const NONE: ReadonlySet<string> = new Set();

export interface CoreSettings {
  readonly policy: Policy;
  readonly personalities: ReadonlySet<string>;
  readonly probeTimeoutMs: number;
}

export class Core {
  readonly machine: Machine;
  readonly children: Children;
  readonly observer: Observer;
  readonly #log: Logger = logger("mdmpd", "core");
  readonly #file: MdstatFile;
  readonly #waiting = new Map<number, Waiting>();
  /** Sights of which note was taken: the observer gives the same one until the array changes. */
  readonly #remembered = new WeakSet<ArraySight>();
  #nextId = 1;
  #timer: Timer | undefined;
  #looks = 0;

  constructor(
    private readonly reactor: Reactor,
    program: Program,
    settings: CoreSettings,
    private readonly memory: Memory,
    private readonly reporter: Reporter,
    private readonly state: Pick<StateFile, "touch" | "save">,
  ) {
    this.machine = new Machine(settings.policy);
    this.#file = new MdstatFile(reactor, () => this.refresh());
    this.observer = new Observer(this.#file, settings.personalities);
    this.children = new Children(
      reactor,
      program,
      settings.probeTimeoutMs,
      (job, answer) => this.#answered(job, answer),
      (job) => this.#released(job),
      () => this.machine.nextDueMs() !== Infinity,
    );
  }

  /** How often md was looked at. */
  get looks(): number {
    return this.#looks;
  }

  /** Looks at md again and does what follows from it. `again`: arrays that are read even if their text is the same. */
  refresh(again: ReadonlySet<string> = NONE): void {
    this.#looks++;
    const sights = this.observer.look(again);
    if (sights === undefined) return this.#setTimer();
    for (const sight of sights) this.#remember(sight);
    const around = {
      exists: (path: PathDisk): boolean => this.#exists(path),
      awaitedBefore: (uuid: string): PathDisk[] =>
        [...this.memory.get(uuid)?.paths ?? []].filter(([, { awaited }]) => awaited)
          .map(([name, { device, diskSequence }]) => ({ name, device, diskSequence })),
      faultWasSeen: (uuid: string, path: string): boolean =>
        this.memory.get(uuid)?.paths.get(path)?.faultSeen ?? false,
    };
    this.#perform(this.machine.see(sights, around, this.reactor.now()));
  }

  /** Takes other settings; what is under way goes on. */
  reconfigure({ policy, personalities }: CoreSettings): void {
    this.machine.policy = policy;
    this.observer.wanted = personalities;
    this.#file.close();
    this.refresh();
  }

  close(): void {
    this.reactor.cancel(this.#timer);
    this.#file.close();
  }

  #exists({ device, diskSequence }: PathDisk): boolean {
    try {
      return isDiskThere(device, diskSequence);
    } catch (error) {
      if (!isExhausted(error)) throw error;
      return true; // nobody has seen it leave
    }
  }

  /** What cannot be known for the moment is taken note of at the next look. */
  #remember(sight: ArraySight): void {
    if (this.#remembered.has(sight)) return;
    try {
      this.#rememberPaths(sight);
      this.#remembered.add(sight);
    } catch (error) {
      if (!isExhausted(error)) throw error;
    }
  }

  #rememberPaths(sight: ArraySight): void {
    const array = arrayMemory(this.memory, sight.uuid);
    for (const { name, device, diskSequence, gone } of workingPaths(sight)) {
      if (gone) continue;
      const known = array.paths.get(name);
      const isKnown = known?.device === device && known.diskSequence === diskSequence &&
        !known.faultSeen && known.hardware.names.length > 0;
      const hardware = isKnown ? known.hardware : hardwareOf(name);
      if (hardware !== undefined) rememberPath(array, name, { hardware, device, diskSequence });
    }
  }

  #perform(actions: readonly Action[]): void {
    for (const action of actions) this.#act(action);
    this.#noteOut();
    // Written down before a tester is given it, at the end of the turn: it takes the path out of the array's list.
    if (actions.some(({ type }) => type === "restore")) this.state.save();
    else this.state.touch();
    this.#setTimer();
  }

  #act(action: Action): void {
    if (action.type === "report") return this.reporter.report(action);
    const array = this.machine.arrays.get(
      action.type === "learn" ? action.array : action.target.array,
    );
    if (array === undefined) return;
    const id = this.#nextId++;
    const target = action.type === "learn" ? undefined : action.target;
    this.#waiting.set(id, { target, uuid: array.sight.uuid });
    const job = action.type === "learn"
      ? learnJob(array, id)
      : pathJob(action, array, this.memory, id);
    this.children.submit(job, action.type === "probe" && action.alone);
  }

  /** For the next run of the daemon: which faults were real, and what it will not find listed. */
  #noteOut(): void {
    const uuids = [...this.machine.arrays.values()].map(({ sight }) => sight.uuid);
    forgetNameless(this.memory, new Set(uuids));
    for (const array of this.machine.arrays.values()) {
      rememberOut(arrayMemory(this.memory, array.sight.uuid), array.paths);
    }
  }

  #answered(job: Job, answer: Answer): void {
    const waiting = this.#waiting.get(job.id);
    this.#waiting.delete(job.id);
    if (waiting === undefined) return;
    if (answer.learned !== undefined) {
      const array = arrayMemory(this.memory, waiting.uuid);
      rememberLearned(array, answer.learned, isMultipath(job.array));
      return this.state.touch();
    }
    const { target } = waiting;
    const event = eventOf(answer);
    if (target === undefined || event === undefined) return;
    this.#log.debug("{path} of {array}: {type} {reason}", {
      path: target.path,
      array: target.array,
      type: answer.type,
      reason: answer.reason ?? "",
    });
    // A restoration has changed the array: what became of it is seen first.
    const changed = job.kind === "restore" ? new Set([target.array]) : undefined;
    if (changed !== undefined) this.refresh(changed);
    const now = this.reactor.now();
    this.#perform(this.machine.step(target.array, target.path, event, now, target.ticket));
    if (changed !== undefined) this.refresh(changed);
  }

  #released(job: Job): void {
    if (job.kind === "learn") return;
    const now = this.reactor.now();
    this.#perform(this.machine.step(job.array.name, job.listedAs, { type: "released" }, now));
  }

  /** Wakes for the next test that is due, or, while md cannot be read, to try again. */
  #setTimer(): void {
    this.reactor.cancel(this.#timer);
    const now = this.reactor.now();
    const retryMs = this.observer.isReadable ? Infinity : this.machine.policy.intervalMs;
    const waitMs = Math.min(this.machine.nextDueMs() - now, retryMs);
    this.#timer = waitMs === Infinity
      ? undefined
      : this.reactor.after(Math.max(0, waitMs), () => this.#wake());
  }

  #wake(): void {
    // A device may have left without a notice, and an array be writable again.
    const due = this.machine.dueArrays(this.reactor.now());
    if (!this.observer.isReadable || due.size > 0) this.refresh(due);
    this.#perform(this.machine.due(this.reactor.now()));
  }

  /** Arrays in the order of their names, for people. */
  sortedArrays(): ArrayState[] {
    return [...this.machine.arrays.values()].sort((a, b) =>
      compareNames(a.sight.name, b.sight.name)
    );
  }
}
