/**
 * Putting a path back, through sysfs alone: /dev/mdX is never opened, so nobody's --stop is ever in our way. In a child, since a write
 * waits for the array's mutex, which a hanging path may hold.
 *
 * `re-add` and `slot` check nothing, which is why identity.ts has been asked. `new_dev` compares the array's uuid itself.
 */
import { EBUSY, EEXIST, strerror } from "../../../ffi/errno.ts";
import { pollDescriptor } from "../../../ffi/poll.ts";
import { BIND_RETRY_MS, CONFIRM_MS, CONFIRM_STEP_MS, MARK_MS, SLOT_AFTER_MS } from "../limits.ts";
import { conditionOf, freeSlot, isMultipath, isRunning, type PathSight } from "../paths.ts";
import { isSuperblock } from "../superblock.ts";
import type { ArrayRef, PathJob } from "../tester_protocol.ts";
import type { Reading } from "./device_reads.ts";
import { isSighting, sightGroups } from "./evidence.ts";
import { entriesOf } from "./hardware.ts";
import { arrayFolder, pathFolder, readPath } from "./sights.ts";
import { readAttribute, writeAttribute } from "./sysfs.ts";

function sleep(ms: number): void {
  pollDescriptor(-1, 0, ms);
}

/** Why the array is not the one that the job is about, or not in a state to be changed. */
function obstacleOf({ name, uuid, personality }: ArrayRef): string | undefined {
  const folder = arrayFolder(name);
  const now = readAttribute(`${folder}/uuid`)?.replaceAll("-", "").toLowerCase();
  if (now !== uuid || readAttribute(`${folder}/level`) !== personality) {
    return `${name} is another array by now`;
  }
  const state = readAttribute(`${folder}/array_state`) ?? "";
  return isRunning({ state }) ? undefined : `${name} is ${state || "gone"}`;
}

/** The paths that the array lists now. */
function pathsOf({ name }: ArrayRef): PathSight[] {
  return entriesOf(arrayFolder(name)).filter((entry) => entry.startsWith("dev-"))
    .flatMap((entry) => readPath(name, entry.slice("dev-".length)) ?? []);
}

/** Writes until the kernel is ready for it, for a while; what went wrong. */
function writeSoon(path: string, word: string, done: () => boolean): string | undefined {
  const endMs = performance.now() + BIND_RETRY_MS;
  for (;;) {
    const code = writeAttribute(path, word);
    if (code === 0 || done()) return undefined;
    const mayPass = code === -EBUSY || code === -EEXIST;
    if (!mayPass || performance.now() > endMs) return `${word} > ${path}: ${strerror(-code)}`;
    sleep(CONFIRM_STEP_MS);
  }
}

/** The device that the array still has: `re-add`, once md's thread has taken its slot away. */
function reAdd({ array, path }: PathJob): string | undefined {
  const state = `${pathFolder(array.name, path.name)}/state`;
  return writeSoon(state, "re-add", () => readPath(array.name, path.name)?.faulty === false);
}

/** A device that the array has not, or not any more: the old entry goes, `new_dev` takes the new one. */
function bind({ array, path, listedAs }: PathJob): string | undefined {
  const old = readPath(array.name, listedAs);
  if (old?.faulty === true && old.device !== path.device) {
    const failure = writeSoon(
      `${pathFolder(array.name, listedAs)}/state`,
      "remove",
      () => readPath(array.name, listedAs) === undefined,
    );
    if (failure !== undefined) return failure;
  }
  const isBound = (): boolean => readPath(array.name, path.name)?.device === path.device;
  return writeSoon(`${arrayFolder(array.name)}/new_dev`, path.device, isBound);
}

/** What keeps a path from being put back. */
export interface Refusal {
  /** refused: it is not proven to be the path. unrestored: it may be, but it did not work. */
  readonly type: "refused" | "unrestored";
  readonly reason: string;
}

function unrestored(reason: string | undefined): Refusal | undefined {
  return reason === undefined ? undefined : { type: "unrestored", reason };
}

/** The counts of events that the path and a working one show now. */
function eventsNow({ path, references, array }: PathJob, reading: Reading): (number | undefined)[] {
  let counts: (number | undefined)[] = [];
  const refs = [path, ...references.slice(0, 1)];
  sightGroups([{ refs, metadata: array.metadata }], reading, (_, sights) => {
    counts = sights.map((one) =>
      isSighting(one) && isSuperblock(one.superblock) ? one.superblock.events : undefined
    );
  });
  return counts;
}

/** Makes md write its superblock: by taking the faulty path out, or by telling a working one what it is already. */
function makeMark({ array, path, references }: PathJob, isListed: boolean): string | undefined {
  if (!isListed) {
    writeAttribute(`${pathFolder(array.name, references[0].name)}/state`, "-writemostly");
    return undefined;
  }
  const state = `${pathFolder(array.name, path.name)}/state`;
  return writeSoon(state, "remove", () => readPath(array.name, path.name) === undefined);
}

/**
 * The proof that no copy passes, however fresh: a change that md writes by a working path shows through this one. Where md writes
 * nothing, as kernels may that ignore what they are told twice, there is nothing to be seen either, and what was proven before stands.
 */
function proveByMark(job: PathJob, isListed: boolean, reading: Reading): Refusal | undefined {
  const [, before] = eventsNow(job, reading);
  const failure = makeMark(job, isListed);
  if (failure !== undefined || before === undefined) return unrestored(failure);
  const endMs = performance.now() + MARK_MS;
  for (;;) {
    const [mine, other] = eventsNow(job, reading);
    if (other !== undefined && other > before && mine === other) return undefined;
    if (performance.now() > endMs) {
      if (other === before && mine === before) return undefined;
      const reason = "a change that md wrote by a working path does not show through it";
      return { type: "refused", reason };
    }
    sleep(CONFIRM_STEP_MS);
  }
}

/** Begins to put a path back; what went wrong. Done already is done. */
export function putBack(job: PathJob, reading: Reading): Refusal | undefined {
  const { array, path, markable, references } = job;
  const obstacle = obstacleOf(array);
  if (obstacle !== undefined) return unrestored(obstacle);
  const now = readPath(array.name, path.name);
  const isListed = now !== undefined && now.device === path.device;
  if (isListed && !now.faulty) return undefined;
  if (!isMultipath(array)) {
    const reason = "its device is another one: mdadm --re-add is needed";
    return unrestored(isListed ? reAdd(job) : reason);
  }
  if (!markable || references.length === 0) return unrestored(isListed ? reAdd(job) : bind(job));
  const refusal = proveByMark(job, isListed, reading) ?? unrestored(bind(job));
  if (refusal === undefined) takeSlot(job);
  return refusal;
}

/** Gives a path a slot by our hand, since the array's own thread does not come to it. */
function takeSlot({ array, path }: PathJob): void {
  const slot = freeSlot({ raidDisks: array.raidDisks, paths: pathsOf(array) });
  if (slot !== undefined) writeAttribute(`${pathFolder(array.name, path.name)}/slot`, String(slot));
}

/** Waits until the path is in use, or a member is being brought up to date; what went wrong. */
export function confirm(job: PathJob): string | undefined {
  const { array, path } = job;
  const startMs = performance.now();
  let isSlotTaken = false;
  for (;;) {
    const now = readPath(array.name, path.name);
    if (now === undefined) return "it has left the array again";
    const condition = conditionOf(now);
    if (condition === "working") return undefined;
    if (condition === "faulty") return "it failed again at once";
    const waitedMs = performance.now() - startMs;
    // A bound path without a slot: md's thread gives it one, unless it is busy for ever with a dead last path.
    if (!isSlotTaken && waitedMs > SLOT_AFTER_MS && now.slot === undefined && isMultipath(array)) {
      takeSlot(job);
      isSlotTaken = true;
    }
    if (waitedMs > CONFIRM_MS) {
      // A spare of a complete array, or a member whose bitmap is being worked off: both are in.
      const isIn = now.slot !== undefined ||
        freeSlot({ ...array, paths: pathsOf(array) }) === undefined;
      return isIn ? undefined : "the array does not take it into use";
    }
    sleep(CONFIRM_STEP_MS);
  }
}

/** Fails a path that should not have come back. */
export function failAgain({ array, path }: PathJob): void {
  writeAttribute(`${pathFolder(array.name, path.name)}/state`, "faulty");
}
