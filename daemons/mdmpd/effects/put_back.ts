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
import { examineAll, type Finding, isSighting, sightGroups, type Sighting } from "./evidence.ts";
import { entriesOf } from "./hardware.ts";
import { arrayFolder, pathFolder, readPath, uuidOf } from "./sights.ts";
import { readAttribute, writeAttribute } from "./sysfs.ts";

function sleep(ms: number): void {
  pollDescriptor(-1, 0, ms);
}

/** Says, after reads, that this path is what is being worked at again: a write waits for the array's mutex, and may not come back. */
function beginWrite({ path }: PathJob, { opening }: Reading): void {
  opening(path);
}

/** Why the array is not the one that the job is about, or not in a state to be changed. */
function obstacleOf({ name, uuid, personality }: ArrayRef): string | undefined {
  const folder = arrayFolder(name);
  if (uuidOf(name) !== uuid || readAttribute(`${folder}/level`) !== personality) {
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

/** Takes out what the array lists under a name, which is faulty; what went wrong. From then on it is on us to bring it back. */
function takeOut(job: PathJob): string | undefined {
  const { array, listedAs } = job;
  const state = `${pathFolder(array.name, listedAs)}/state`;
  // Where another hand was faster, whoever that was does not want it back.
  const isDone = (): boolean => job.awaited && readPath(array.name, listedAs) === undefined;
  const failure = writeSoon(state, "remove", isDone);
  if (failure === undefined) job.awaited = true;
  return failure;
}

function isFaultyEntry({ array, listedAs }: PathJob): boolean {
  return readPath(array.name, listedAs)?.faulty === true;
}

/** A device that the array has not, or not any more: the old entry goes, `new_dev` takes the new one. */
function bind(job: PathJob, reading: Reading): string | undefined {
  const { array, path } = job;
  beginWrite(job, reading);
  const failure = isFaultyEntry(job) ? takeOut(job) : undefined;
  if (failure !== undefined) return failure;
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

type Count = number | undefined;

/** The counts of events that the path and a working one, the first that answers, show now. */
function eventsNow({ path, references, array }: PathJob, reading: Reading): [Count, Count] {
  let counts: [Count, Count] = [undefined, undefined];
  for (const reference of references) {
    const group = { refs: [path, reference], metadata: array.metadata };
    sightGroups([group], reading, (_, [own, other]) => {
      counts = [eventsOf(own), eventsOf(other)];
    });
    if (counts[1] !== undefined) break;
  }
  return counts;
}

function eventsOf(one: Sighting | Finding): Count {
  return isSighting(one) && isSuperblock(one.superblock) ? one.superblock.events : undefined;
}

/**
 * Makes md write its superblock: by taking the faulty entry out, or, where there is none any more, by telling a working path what it is
 * already, which kernels may ignore.
 */
function makeMark(job: PathJob, isCertain: boolean): string | undefined {
  const { array, references } = job;
  if (isCertain) return takeOut(job);
  writeAttribute(`${pathFolder(array.name, references[0].name)}/state`, "-writemostly");
  return undefined;
}

/**
 * The proof that no copy passes, however fresh: a change that md writes by a working path shows through this one. Where md may have
 * nothing to write there may be nothing to see, and what was proven before stands; so it does where the working path does not answer,
 * which is when md's thread is caught in its loop.
 */
function proveByMark(
  job: PathJob,
  isCertain: boolean,
  reading: Reading,
): Refusal | undefined {
  const [, before] = eventsNow(job, reading);
  beginWrite(job, reading);
  const failure = makeMark(job, isCertain);
  if (failure !== undefined || before === undefined) return unrestored(failure);
  const endMs = performance.now() + MARK_MS;
  for (;;) {
    const [mine, other] = eventsNow(job, reading);
    if (other !== undefined && other > before && mine === other) return undefined;
    if (performance.now() > endMs) return unmarked(before, mine, other, isCertain);
    sleep(CONFIRM_STEP_MS);
  }
}

function unmarked(
  before: number,
  mine: Count,
  other: Count,
  isCertain: boolean,
): Refusal | undefined {
  if (other === undefined) return unrestored("the path that works has stopped to answer");
  if (other !== before || mine !== before) {
    const reason = "a change that md wrote by a working path does not show through it";
    return { type: "refused", reason };
  }
  return isCertain
    ? unrestored("md has not written the array's change, by which the path would be known")
    : undefined;
}

/** md holds the device from `new_dev` on: its number is nobody else's any more, and what it shows now is what users will read. */
function proveBound(job: PathJob, reading: Reading): Refusal | undefined {
  let found: Finding | undefined;
  examineAll([job], reading, (_, finding) => {
    found = finding;
  });
  beginWrite(job, reading);
  if (found === undefined || found.verdict === "proven") return undefined;
  writeAttribute(`${pathFolder(job.array.name, job.path.name)}/state`, "remove");
  const isDevice = found.verdict === "dead" || found.verdict === "hung";
  return { type: isDevice ? "unrestored" : "refused", reason: found.reason };
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
  const isMarkable = markable && references.length > 0;
  if (isListed && !isMarkable) return unrestored(reAdd(job));
  const isEntry = isFaultyEntry(job);
  // Since this was ordered, somebody has taken it out or put it to another use.
  if (!isEntry && !job.awaited) return unrestored("another hand has changed its entry");
  const refusal = (isMarkable ? proveByMark(job, isEntry, reading) : undefined) ??
    unrestored(bind(job, reading)) ?? proveBound(job, reading);
  if (refusal !== undefined) return refusal;
  takeSlot(job);
  // Whoever takes it out from now on is not us.
  job.awaited = false;
  return undefined;
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
