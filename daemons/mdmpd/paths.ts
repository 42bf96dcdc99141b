/** Arrays and their paths as they are at one moment, and what changed between two. Pure. */

export interface PathSight {
  /** The kernel's name, `!` for `/` as in sysfs; unique within the array. */
  readonly name: string;
  readonly faulty: boolean;
  readonly inSync: boolean;
  readonly slot: number | undefined;
  /** The block device behind it has left the system. */
  readonly gone: boolean;
  /** The device's number, `MAJOR:MINOR`; "" once it has gone. */
  readonly device: string;
  /** Which disk since boot has had this number (Linux 5.15); undefined where the kernel does not say. */
  readonly diskSequence: number | undefined;
}

export interface ArraySight {
  /** The kernel's name, such as `md0`. */
  readonly name: string;
  /**
   * 32 digits; a random one for an array without superblock. A kernel before 5.10 does not tell: then a text that stands for the
   * array and is no uuid.
   */
  readonly uuid: string;
  /** `multipath`, `raid1` … */
  readonly personality: string;
  readonly raidDisks: number;
  /** `0.90`, `1.2`, `none` … as md/metadata_version has it. */
  readonly metadata: string;
  /** `clean`, `active`, `readonly`, `read-auto`, `inactive` … */
  readonly state: string;
  readonly hasBitmap: boolean;
  /** A resync, recovery, check or reshape is under way or waits. */
  readonly syncing: boolean;
  readonly paths: readonly PathSight[];
}

/** How an array's path is doing, by the kernel's own account. */
export type Condition = "working" | "spare" | "faulty";

export function conditionOf({ faulty, inSync, slot }: PathSight): Condition {
  if (faulty) return "faulty";
  return inSync && slot !== undefined ? "working" : "spare";
}

/** Paths that carry I/O, or would; by slot. */
export function workingPaths({ paths }: ArraySight): PathSight[] {
  return paths.filter((path) => conditionOf(path) === "working")
    .sort((a, b) => (a.slot as number) - (b.slot as number));
}

export function isMultipath({ personality }: Pick<ArraySight, "personality">): boolean {
  return personality === "multipath";
}

/** Whether anything may be changed about the array: one that is being stopped or assembled is left alone. */
export function isRunning({ state }: Pick<ArraySight, "state">): boolean {
  return !["", "clear", "inactive", "broken"].includes(state);
}

/** The first free slot, if any. */
export function freeSlot(
  { raidDisks, paths }: Pick<ArraySight, "raidDisks" | "paths">,
): number | undefined {
  const taken = new Set(paths.map(({ slot }) => slot));
  for (let slot = 0; slot < raidDisks; slot++) if (!taken.has(slot)) return slot;
  return undefined;
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** `/dev/NAME` of a kernel's name. */
export function nodeOf(name: string): string {
  return `/dev/${name.replaceAll("!", "/")}`;
}

/** `md2` before `md10`. Intl would do it, and cost megabytes. */
export function compareNames(a: string, b: string): number {
  const [[, textA, digitsA], [, textB, digitsB]] = [a, b].map((name) =>
    /^(.*?)(\d*)$/s.exec(name) as RegExpExecArray
  );
  if (textA !== textB) return textA < textB ? -1 : 1;
  return Number(digitsA) - Number(digitsB);
}
