/**
 * The machine: `see()` takes what the kernel shows, `step()` what happened to one path, `due()` the time; each returns what is to be
 * done. Pure: no I/O, no clock.
 */
import type { Policy } from "./backoff.ts";
import { pauseMs } from "./backoff.ts";
import {
  type Action,
  type ArrayState,
  healthyPaths,
  isAwaited,
  newPath,
  type PathEvent,
  type PathState,
} from "./machine_state.ts";
import { type Context, TABLE } from "./machine_table.ts";
import {
  type ArraySight,
  conditionOf,
  isMultipath,
  type PathSight,
  workingPaths,
} from "./paths.ts";

/** A path, and the disk that it led to. */
export type PathDisk = Pick<PathState, "name" | "device" | "diskSequence">;

/** What the daemon finds out for see() on paths that the kernel no longer lists, or that it meets for the first time. */
export interface Surroundings {
  /** Whether the disk that the path led to is still in the system. */
  exists(path: PathDisk): boolean;
  /** Paths that an earlier run of the daemon waited for though the array may not have listed them. */
  awaitedBefore(uuid: string): readonly PathDisk[];
  /** Whether an earlier run of the daemon saw this failed path fail a test. */
  faultWasSeen(uuid: string, path: string): boolean;
}

/** Events that answer a test or a restoration, and so carry its ticket. */
const ANSWERS: ReadonlySet<string> = new Set([
  ...["dead", "hung", "refused", "proven", "restored", "unrestored", "wrong"],
]);

export class Machine {
  readonly arrays = new Map<string, ArrayState>();
  #seen = false;
  readonly #tickets = { last: 0 };

  /** The policy may be exchanged at any time. */
  constructor(public policy: Policy) {}

  /** Takes the arrays as they are now. */
  see(sights: readonly ArraySight[], around: Surroundings, nowMs: number): Action[] {
    const actions: Action[] = [];
    const present = new Set(sights.map(({ name }) => name));
    for (const name of [...this.arrays.keys()]) {
      if (!present.has(name)) this.#dropArray(name, actions);
    }
    for (const sight of sights) this.#seeArray(sight, around, nowMs, actions);
    this.#seen = true;
    return actions;
  }

  #context(array: ArrayState, nowMs: number, actions: Action[]): Context {
    return { policy: this.policy, array, nowMs, actions, tickets: this.#tickets };
  }

  #dropArray(name: string, actions: Action[]): void {
    this.arrays.delete(name);
    const text = "it is not there any more";
    actions.push({
      type: "report",
      event: "DeviceDisappeared",
      array: name,
      path: undefined,
      text,
    });
  }

  #seeArray(sight: ArraySight, around: Surroundings, nowMs: number, actions: Action[]): void {
    const known = this.arrays.get(sight.name);
    // Another array may have got the name in between.
    if (known !== undefined && known.sight.uuid !== sight.uuid) {
      this.#dropArray(sight.name, actions);
    }
    const array = this.arrays.get(sight.name) ?? this.#newArray(sight, actions);
    const before = signature(array);
    array.sight = sight;
    const context = this.#context(array, nowMs, actions);
    for (const path of sight.paths) this.#seePath(path, context, around);
    if (known === undefined && !this.#seen) this.#recall(context, around);
    this.#seeAbsent(context, around);
    if (before !== signature(array) && workingPaths(sight).length > 0) {
      actions.push({ type: "learn", array: sight.name });
    }
    this.#schedule(context);
  }

  #newArray(sight: ArraySight, actions: Action[]): ArrayState {
    const array: ArrayState = { sight, paths: new Map() };
    this.arrays.set(sight.name, array);
    const { name, raidDisks } = sight;
    const working = workingPaths(sight).length;
    if (this.#seen) {
      const text = `${sight.personality} with ${working} of ${raidDisks} paths`;
      actions.push({ type: "report", event: "NewArray", array: name, path: undefined, text });
    }
    if (working < raidDisks) {
      const text = `${working} of ${raidDisks} paths work`;
      actions.push({ type: "report", event: "DegradedArray", array: name, path: undefined, text });
    }
    return array;
  }

  #seePath(sight: PathSight, context: Context, around: Surroundings): void {
    const condition = conditionOf(sight);
    const path = context.array.paths.get(sight.name) ?? this.#meet(sight, context, around);
    path.condition = condition;
    path.slot = sight.slot;
    if (!sight.gone) ({ device: path.device, diskSequence: path.diskSequence } = sight);
    // A child that hangs in the middle of its return may have bound it only, and may take it out of the list yet.
    const isCaught = path.phase === "hung" && path.unbound;
    if (isCaught && condition === "spare") return;
    path.unbound = isCaught;
    if (condition === "faulty" && !sight.gone) path.lost = false;
    this.#apply(path, { type: condition === "faulty" ? "faulty" : "working" }, context);
    if (sight.gone && !path.lost) this.#apply(path, { type: "vanished" }, context);
  }

  /** A path that was faulty before anybody looked is tested at once. */
  #meet({ name, ...rest }: PathSight, context: Context, around: Surroundings): PathState {
    const path = newPath(name, conditionOf({ name, ...rest }), context.nowMs);
    if (path.phase === "failed") {
      path.dueMs = context.nowMs;
      path.finding = "not tested yet";
      path.faultSeen = around.faultWasSeen(context.array.sight.uuid, name);
    }
    context.array.paths.set(name, path);
    return path;
  }

  /** An earlier run may have ended while it was putting a path back, which the array then does not list, or looking for its device. */
  #recall({ array, nowMs }: Context, around: Surroundings): void {
    if (workingPaths(array.sight).length >= array.sight.raidDisks) return;
    for (const { name, device, diskSequence } of around.awaitedBefore(array.sight.uuid)) {
      if (array.paths.has(name)) continue;
      const path = newPath(name, "faulty", nowMs);
      path.device = device;
      path.diskSequence = diskSequence;
      path.unbound = true;
      path.faultSeen = true;
      path.dueMs = nowMs;
      path.finding = "not tested yet";
      array.paths.set(name, path);
    }
  }

  #seeAbsent(context: Context, around: Surroundings): void {
    const { array } = context;
    const present = new Set(array.sight.paths.map(({ name }) => name));
    const isComplete = workingPaths(array.sight).length >= array.sight.raidDisks;
    for (const path of [...array.paths.values()]) {
      if (present.has(path.name) || path.phase === "restoring") continue;
      if (isAwaited(path)) {
        // Somebody put it, or another, in its place.
        if (isComplete) array.paths.delete(path.name);
        else if (!path.lost && !around.exists(path)) {
          this.#apply(path, { type: "vanished" }, context);
        }
      } else if (around.exists(path)) {
        this.#apply(path, { type: "removed" }, context);
      } else {
        if (path.phase === "active" || path.phase === "checking") {
          this.#apply(path, { type: "faulty" }, context);
        }
        this.#apply(path, { type: "vanished" }, context);
      }
    }
  }

  /** Something happened to a path. `ticket`: of an answer. What concerns a path that is gone, or comes late, has no effect. */
  step(
    arrayName: string,
    pathName: string,
    event: PathEvent,
    nowMs: number,
    ticket?: number,
  ): Action[] {
    const array = this.arrays.get(arrayName);
    const path = array?.paths.get(pathName);
    const actions: Action[] = [];
    if (array === undefined || path === undefined) return actions;
    if (ANSWERS.has(event.type) && ticket !== path.ticket) return actions;
    const context = this.#context(array, nowMs, actions);
    if ("unbound" in event) path.unbound = event.unbound ?? path.unbound;
    // Whatever comes of an attempt to put a path back, md has written its superblock for it.
    if (path.phase === "restoring") actions.push({ type: "learn", array: arrayName });
    this.#apply(path, event, context);
    this.#schedule(context);
    return actions;
  }

  #apply(path: PathState, event: PathEvent, context: Context): void {
    TABLE[path.phase][event.type](path, context, event);
  }

  /** Arrays for which due() has something to do. */
  dueArrays(nowMs: number): Set<string> {
    const isDue = ({ dueMs }: PathState): boolean => dueMs !== undefined && dueMs <= nowMs;
    const due = [...this.arrays].filter(([, { paths }]) => [...paths.values()].some(isDue));
    return new Set(due.map(([name]) => name));
  }

  /** Every test that is due. */
  due(nowMs: number): Action[] {
    const actions: Action[] = [];
    for (const array of this.arrays.values()) {
      const context = this.#context(array, nowMs, actions);
      for (const path of array.paths.values()) {
        if (path.dueMs === undefined || path.dueMs > nowMs) continue;
        path.dueMs = undefined;
        this.#apply(path, { type: "due" }, context);
      }
    }
    return actions;
  }

  /** When due() has something to do; Infinity for never. */
  nextDueMs(): number {
    let next = Infinity;
    for (const { paths } of this.arrays.values()) {
      for (const { dueMs } of paths.values()) next = Math.min(next, dueMs ?? Infinity);
    }
    return next;
  }

  /** Paths in use are read where the kernel would not notice their death: the last one, and, if wanted, those in reserve. */
  #schedule(context: Context): void {
    const { array, nowMs } = context;
    for (const path of array.paths.values()) {
      if (path.phase !== "active") continue;
      const pause = this.#checkPauseMs(array, path);
      if (pause === undefined) path.dueMs = undefined;
      else path.dueMs = Math.min(path.dueMs ?? Infinity, nowMs + pause);
    }
    if (healthyPaths(array).length > 0) return;
    for (const path of array.paths.values()) hasten(path, nowMs + pauseMs(this.policy, false));
  }

  #checkPauseMs(array: ArrayState, path: PathState): number | undefined {
    if (!isMultipath(array.sight) || path.condition !== "working") return undefined;
    // Its child still hangs; the end of it is waited for.
    if (path.hangs > 1) return undefined;
    const working = workingPaths(array.sight);
    if (working.length === 1 && array.sight.raidDisks > 1) {
      return pauseMs(this.policy, path.suspectMs === undefined);
    }
    const isReserve = working[0]?.name !== path.name;
    const { standbyIntervalMs } = this.policy;
    return isReserve && standbyIntervalMs > 0 ? standbyIntervalMs : undefined;
  }
}

/** With no path that works, nothing waits longer than it must. */
function hasten(path: PathState, atMs: number): void {
  if (path.dueMs !== undefined) path.dueMs = Math.min(path.dueMs, atMs);
}

/** Which paths work, and in which slots: when it changes, so has the superblock. */
function signature({ paths }: ArrayState): string {
  return [...paths.values()].map(({ name, condition, slot }) => `${name} ${condition} ${slot}`)
    .join();
}

/** What must hold of a machine between any two calls; the texts of what does not. */
export function invariants({ arrays }: Machine): string[] {
  const broken: string[] = [];
  for (const [name, array] of arrays) {
    for (const [key, path] of array.paths) {
      const at = `${name} ${key}`;
      if (path.name !== key) broken.push(`${at}: is called ${path.name}`);
      const isOutside = !["active", "checking", "restoring"].includes(path.phase);
      if (isOutside && path.condition === "working") {
        broken.push(`${at}: ${path.phase}, but in use`);
      }
      const waits = path.phase === "failed" || path.phase === "held" || path.phase === "refused";
      if (waits && path.dueMs === undefined) broken.push(`${at}: ${path.phase} for ever`);
      const isBusy = ["checking", "probing", "restoring"].includes(path.phase);
      if (isBusy && path.dueMs !== undefined) broken.push(`${at}: ${path.phase}, and due`);
    }
  }
  return broken;
}
