/**
 * The proof that a device is the path, or the member, that an array lost. Pure.
 *
 * The kernel does not ask for one: `re-add` in sysfs looks at nothing, and what it takes back is read and written by users within
 * milliseconds. So every rule below has to hold, each from its own source:
 *
 * - the hardware: size, and names such as WWIDs, are those that the path had while it worked;
 * - the superblock, read past every cache: this array's, this device's, and no other count of events than the one that a working
 *   path shows at the same moment;
 * - where there is no superblock (mdadm --build), the blocks themselves: what a working path reads at the same places.
 */
import { isSuperblock, type Superblock, type SuperblockProblem } from "./superblock.ts";
import { EVENTS_SLACK } from "./limits.ts";

/** What is known of a block device without reading it. */
export interface Hardware {
  readonly sectors: number;
  readonly readOnly: boolean;
  /** Names that the disks below it give themselves, sorted: `wwid:naa.…`, `serial:…`, `file:/disk.img`, `part:2048`; [] for none. */
  readonly names: readonly string[];
}

/** What was seen of one device: its hardware, and the superblock that was read through it. */
export interface Observation {
  readonly hardware: Hardware;
  /** Absent where the array has none. */
  readonly superblock?: Superblock | SuperblockProblem | undefined;
}

/** Blocks read through a path and through one that works. */
export interface Comparison {
  readonly equal: number;
  /** Differed each time they were read. */
  readonly different: number;
  /** Among the equal ones, those that hold more than one byte value over and over: only these tell disks apart. */
  readonly telling: number;
}

/** What is remembered of a device from when it worked. */
export interface Known {
  readonly hardware: Hardware;
  readonly deviceUuid?: string | undefined;
  /** Slot, for arrays whose members differ. */
  readonly role?: number | undefined;
}

export interface Evidence {
  /** multipath: every path leads to one disk. members: each device is another one. */
  readonly kind: "multipath" | "members";
  /** The array's uuid as the kernel has it, 32 digits; undefined for a kernel that does not tell. */
  readonly arrayUuid: string | undefined;
  readonly level: number;
  readonly hasSuperblock: boolean;
  readonly candidate: Observation;
  readonly known?: Known | undefined;
  /** A path of the array that works, seen at the same moment; for `members`, any member that works. */
  readonly reference?: Observation | undefined;
  /** Only where every path leads to one disk. */
  readonly comparison?: Comparison | undefined;
  /** The last count of events that was read through a working path. */
  readonly lastEvents?: number | undefined;
  /** Only for `members`: from which count of events on the write-intent bitmap has every write. */
  readonly eventsCleared?: number | undefined;
}

/**
 * proven: the same. foreign: certainly not, or not fit to be it. unproven: nothing speaks against it, but the proof is not complete.
 * unready: cannot be used at the moment, whatever it is.
 * A reason names nothing that changes from one test to the next, since each new one is told.
 */
export type Verdict =
  | { readonly verdict: "proven" }
  | { readonly verdict: "foreign" | "unproven" | "unready"; readonly reason: string };

type Rule = (evidence: Evidence) => Verdict | undefined;

const PROVEN: Verdict = { verdict: "proven" };

function foreign(reason: string): Verdict {
  return { verdict: "foreign", reason };
}

function unproven(reason: string): Verdict {
  return { verdict: "unproven", reason };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "no name" : names.join(" ");
}

function sameNames(a: Hardware, b: Hardware): boolean {
  return a.names.join("\n") === b.names.join("\n");
}

/** Paths reach a disk by other ways, so what they share is what the disk itself is called. */
function diskNames({ names }: Hardware): string[] {
  return names.filter((name) => name.startsWith("wwid:"));
}

/** A disk may have grown since it was first seen; where a path to it works, that one shows what size it has. */
function rightSize(
  { candidate: { hardware, superblock }, known, reference, kind }: Evidence,
): Verdict | undefined {
  const size = hardware.sectors;
  const twin = kind === "multipath" ? reference?.hardware.sectors : undefined;
  const expected = twin ?? known?.hardware.sectors;
  if (expected !== undefined && size !== expected) {
    return foreign(`${size} sectors instead of ${expected}`);
  }
  const needed = isSuperblock(superblock) ? superblock.neededSectors : 0;
  return size < needed ? foreign(`${size} sectors, but the array uses ${needed}`) : undefined;
}

function sameHardware({ candidate: { hardware }, known }: Evidence): Verdict | undefined {
  // Nothing is known of a path that had no name, or was dead when it was first seen.
  if (known === undefined || known.hardware.names.length === 0) return undefined;
  if (sameNames(hardware, known.hardware)) return undefined;
  return foreign(
    `it calls itself ${list(hardware.names)} instead of ${list(known.hardware.names)}`,
  );
}

function sameDisk({ kind, candidate: { hardware }, reference }: Evidence): Verdict | undefined {
  if (kind !== "multipath" || reference === undefined) return undefined;
  const [mine, other] = [diskNames(hardware), diskNames(reference.hardware)];
  if (mine.length === 0 || other.length === 0 || mine.join() === other.join()) return undefined;
  return foreign(`it leads to ${list(mine)}, but a working path to ${list(other)}`);
}

function writable({ candidate: { hardware } }: Evidence): Verdict | undefined {
  return hardware.readOnly ? { verdict: "unready", reason: "write-protected" } : undefined;
}

function readableSuperblock(
  { hasSuperblock, candidate: { superblock } }: Evidence,
): Verdict | undefined {
  if (!hasSuperblock || isSuperblock(superblock)) return undefined;
  return foreign(superblock === undefined ? "no superblock was read" : superblock.text);
}

/** Where the kernel does not tell the array's uuid, a working path does, or the device's own uuid, which is one array's alone. */
function sameArray(evidence: Evidence): Verdict | undefined {
  const { level, candidate: { superblock }, reference, known } = evidence;
  if (!isSuperblock(superblock)) return undefined;
  const shown = isSuperblock(reference?.superblock) ? reference.superblock.arrayUuid : undefined;
  const expected = evidence.arrayUuid ?? shown;
  if (expected !== undefined && superblock.arrayUuid !== expected) {
    return foreign(`it belongs to array ${superblock.arrayUuid} instead of ${expected}`);
  }
  const isKnown = known?.deviceUuid !== undefined && known.deviceUuid === superblock.deviceUuid;
  if (expected === undefined && !isKnown) {
    return unproven("the kernel does not tell the array's uuid, and no path works to show it");
  }
  return superblock.level === level
    ? undefined
    : foreign(`its superblock is of level ${superblock.level} instead of ${level}`);
}

/**
 * The uuid that a working path shows at this moment, or, without one, the remembered one. Of the paths to one disk each may write another
 * uuid there: mdadm --add makes a new one for the path that it adds.
 */
function sameDevice(
  { kind, candidate: { superblock }, known, reference }: Evidence,
): Verdict | undefined {
  if (!isSuperblock(superblock)) return undefined;
  const expected = kind === "multipath" && isSuperblock(reference?.superblock)
    ? reference.superblock.deviceUuid
    : known?.deviceUuid;
  if (expected === undefined || superblock.deviceUuid === expected) return undefined;
  return foreign(`it is device ${superblock.deviceUuid ?? "without uuid"} instead of ${expected}`);
}

/**
 * All paths show one superblock, so two counts of events are two disks: a copy, or a snapshot. With no working path to ask, the
 * count must be the last one known or a few later, since an array that loses its last paths changes state unseen.
 */
function sameEvents(evidence: Evidence): Verdict | undefined {
  const { kind, candidate: { superblock }, reference, lastEvents } = evidence;
  if (kind !== "multipath" || !isSuperblock(superblock)) return undefined;
  const { events } = superblock;
  if (isSuperblock(reference?.superblock)) {
    const expected = reference.superblock.events;
    if (events === expected) return undefined;
    const than = events < expected ? "earlier" : "later";
    return foreign(`its count of events is ${events}, ${than} than a working path's`);
  }
  if (lastEvents === undefined) {
    return unproven("no path works, and the array's count of events was never seen");
  }
  if (events >= lastEvents && events <= lastEvents + EVENTS_SLACK) return undefined;
  return foreign(`its count of events is ${events}, but the array's last one was ${lastEvents}`);
}

/** What is on the disk has to be the same in any case; without a superblock it is the proof, unless the disk has a name. */
function sameContent(evidence: Evidence): Verdict | undefined {
  const { hasSuperblock, comparison, candidate: { hardware }, reference, known } = evidence;
  if (comparison !== undefined && comparison.different > 0) {
    return foreign("its blocks differ from a working path's");
  }
  if (hasSuperblock) return undefined;
  const names = diskNames(hardware);
  const isNamed = names.length > 0 &&
    (sameDiskNames(hardware, reference?.hardware) || sameDiskNames(hardware, known?.hardware));
  if (isNamed) return undefined;
  if (comparison === undefined) {
    return unproven("the array has no superblock, its disk no name, and no path works to compare");
  }
  if (comparison.telling > 0) return undefined;
  return unproven(
    "the array has no superblock, its disk no name, and the blocks compared are blank",
  );
}

function sameDiskNames(a: Hardware, b: Hardware | undefined): boolean {
  return b !== undefined && diskNames(a).join() === diskNames(b).join();
}

/** A member of an array with redundancy is behind the others by what the bitmap marks, and by no more. */
function coveredByBitmap(evidence: Evidence): Verdict | undefined {
  const { kind, candidate: { superblock }, reference, known, eventsCleared } = evidence;
  if (kind !== "members") return undefined;
  if (!isSuperblock(superblock)) return unproven("a member without a superblock");
  if (known === undefined) return unproven("it was never seen while it worked");
  if (!isSuperblock(reference?.superblock)) return unproven("no member works to compare with");
  if (reference.superblock.arrayUuid !== superblock.arrayUuid) {
    return unproven("a working member shows another array");
  }
  if (eventsCleared === undefined) {
    return unproven("the array has no write-intent bitmap that could be read");
  }
  if (superblock.events < eventsCleared) {
    return foreign(
      `its count of events is ${superblock.events}, but the bitmap begins at ${eventsCleared}`,
    );
  }
  return superblock.events > reference.superblock.events
    ? foreign(`its count of events is ${superblock.events}, later than a working member's`)
    : sameRole(superblock, known);
}

function sameRole(superblock: Superblock, known: Known): Verdict | undefined {
  if (known.role === undefined || superblock.role === known.role) return undefined;
  return foreign(`it was in slot ${superblock.role ?? "none"} instead of ${known.role}`);
}

/** In the order in which they are asked; the first that objects decides. */
const RULES: readonly Rule[] = [
  readableSuperblock,
  sameArray,
  sameDevice,
  rightSize,
  sameHardware,
  sameDisk,
  sameEvents,
  sameContent,
  coveredByBitmap,
  writable,
];

/** Whether the candidate is what the array lost. */
export function judge(evidence: Evidence): Verdict {
  for (const rule of RULES) {
    const objection = rule(evidence);
    if (objection !== undefined) return objection;
  }
  return PROVEN;
}
