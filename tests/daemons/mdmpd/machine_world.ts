/** A machine with arrays that tests change at will, and a clock. */
import type { Policy } from "../../../daemons/mdmpd/backoff.ts";
import { invariants, Machine, type PathDisk } from "../../../daemons/mdmpd/machine.ts";
import type { Action, PathEvent, PathState } from "../../../daemons/mdmpd/machine_state.ts";
import type { ArraySight, PathSight } from "../../../daemons/mdmpd/paths.ts";

export const POLICY: Policy = {
  intervalMs: 15_000,
  operatorHoldMs: 600_000,
  standbyIntervalMs: 0,
  dryRun: false,
};

/** U in use, F faulty, G faulty with its device gone, S spare, X in use with its device gone; a blank is not listed at all. */
export type Letters = string;

function pathSight(name: string, letter: string, slot: number): PathSight {
  const inUse = letter === "U" || letter === "X";
  return {
    name,
    faulty: letter === "F" || letter === "G",
    inSync: inUse,
    slot: inUse ? slot : undefined,
    gone: letter === "G" || letter === "X",
    device: `8:${slot}`,
    diskSequence: slot,
  };
}

/** An array whose paths are called a, b, c … */
export function sight(letters: Letters, change: Partial<ArraySight> = {}): ArraySight {
  const paths = [...letters].flatMap((letter, slot) =>
    letter === " " ? [] : [pathSight(String.fromCharCode(97 + slot), letter, slot)]
  );
  return {
    name: "md0",
    uuid: "u0",
    personality: "multipath",
    raidDisks: letters.length,
    metadata: "1.2",
    state: "clean",
    hasBitmap: false,
    syncing: false,
    paths,
    ...change,
  };
}

export class World {
  readonly machine: Machine;
  nowMs = 1_000_000;
  /** Names of paths whose disk is still there though md does not list them. */
  readonly existing = new Set<string>();
  readonly faultsSeen = new Set<string>();
  /** Paths that an earlier run waited for. */
  readonly awaitedBefore: PathDisk[] = [];
  /** What happened so far, such as `Fail a`, `probe a`, `restore a`. */
  log: string[] = [];
  #last = new Map<string, Action>();

  constructor(policy: Partial<Policy> = {}) {
    this.machine = new Machine({ ...POLICY, ...policy });
  }

  path(name: string, array = "md0"): PathState {
    const path = this.machine.arrays.get(array)?.paths.get(name);
    if (path === undefined) throw new Error(`no path ${name}`);
    return path;
  }

  #take(actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.type === "learn") this.log.push(`learn ${action.array}`);
      else if (action.type === "report") {
        this.log.push(`${action.event} ${action.path ?? action.array}`);
      } else {
        const words = [
          ...[action.type, action.target.path],
          ...(action.type === "probe" && action.alone ? ["alone"] : []),
          ...(action.type === "probe" && action.search ? ["search"] : []),
          ...(action.type === "probe" && action.inUse ? ["in use"] : []),
        ];
        this.log.push(words.join(" "));
        this.#last.set(action.target.path, action);
      }
    }
    const broken = invariants(this.machine);
    if (broken.length > 0) throw new Error(broken.join("; "));
  }

  /** What was logged since the last call, learning left out. */
  news(): string[] {
    const news = this.log.filter((line) => !line.startsWith("learn"));
    this.log = [];
    return news;
  }

  see(letters: Letters, change: Partial<ArraySight> = {}): this {
    return this.seeAll([sight(letters, change)]);
  }

  seeAll(sights: readonly ArraySight[]): this {
    const around = {
      exists: ({ name, device }: PathDisk): boolean => device !== "" && this.existing.has(name),
      awaitedBefore: (): PathDisk[] => this.awaitedBefore,
      faultWasSeen: (_: string, path: string): boolean => this.faultsSeen.has(path),
    };
    this.#take(this.machine.see(sights, around, this.nowMs));
    return this;
  }

  /** Lets time pass and the tests that are due begin. */
  pass(ms: number): this {
    const end = this.nowMs + ms;
    for (let next = this.machine.nextDueMs(); next <= end; next = this.machine.nextDueMs()) {
      this.nowMs = Math.max(this.nowMs, next);
      this.#take(this.machine.due(this.nowMs));
    }
    this.nowMs = end;
    return this;
  }

  /** The answer to the last test or restoration of a path, or what else happened to it. */
  tell(path: string, event: PathEvent, ticket?: number): this {
    const action = this.#last.get(path);
    const own = action !== undefined && "target" in action ? action.target.ticket : undefined;
    this.#take(this.machine.step("md0", path, event, this.nowMs, ticket ?? own));
    return this;
  }
}

export const DEAD: PathEvent = { type: "dead", reason: "Input/output error" };
export const HUNG: PathEvent = { type: "hung", reason: "no answer in 10 s" };
export const FOREIGN: PathEvent = { type: "refused", reason: "it belongs to another array" };
export const PROVEN: PathEvent = { type: "proven" };
export const RESTORED: PathEvent = { type: "restored" };
