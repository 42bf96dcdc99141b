/**
 * What the daemon asks of the children that touch devices for it, and what they answer: JSON, a line each. Pure.
 *
 * Down: a Batch. Up: a Done once it can work; for each job any number of Progress lines, then its Answer; behind the last one a Done.
 */
import type { Known } from "./identity.ts";

/** A block device, by the kernel's name and number (`MAJOR:MINOR`). */
export interface DeviceRef {
  readonly name: string;
  readonly device: string;
}

export interface ArrayRef {
  readonly name: string;
  readonly uuid: string;
  readonly personality: string;
  /** md/metadata_version */
  readonly metadata: string;
  readonly raidDisks: number;
}

interface JobBase {
  readonly id: number;
  readonly array: ArrayRef;
  /** Paths, or members, that work; the first that answers is compared with. */
  readonly references: readonly DeviceRef[];
}

/** check: does a path in use answer. test: is a failed path what it was. restore: test it, put it back, and test it again. */
export interface PathJob extends JobBase {
  readonly kind: "check" | "test" | "restore";
  readonly path: DeviceRef;
  readonly known: Known | undefined;
  readonly lastEvents: number | undefined;
  /** Whether md writes the superblock through a working path when the array changes: it does through the one listed first. */
  readonly markable: boolean;
  /** Under which name the array lists the path, where its device has another one by now. */
  readonly listedAs: string;
  /** It is to come back though the array may not list it: we have taken it out of there, or its device had left. */
  awaited: boolean;
}

/** Look for the device of a lost path, and test what may be it. */
export interface SearchJob extends JobBase {
  readonly kind: "search";
  readonly markable: boolean;
  readonly known: Known | undefined;
  readonly lastEvents: number | undefined;
  readonly listedAs: string;
  readonly awaited: boolean;
}

/** Read the superblocks of what works. */
export interface LearnJob extends JobBase {
  readonly kind: "learn";
}

export type Job = PathJob | SearchJob | LearnJob;

export interface Batch {
  /** How long a read may take. */
  readonly timeoutMs: number;
  readonly jobs: readonly Job[];
}

/** What was learned of one device. */
export interface Learned {
  readonly name: string;
  readonly deviceUuid: string | undefined;
  readonly role: number | undefined;
  readonly events: number;
}

export type AnswerType =
  | "proven"
  | "dead"
  | "hung"
  | "refused"
  | "restored"
  | "unrestored"
  | "wrong"
  | "learned";

export interface Answer {
  readonly id: number;
  readonly type: AnswerType;
  readonly reason?: string;
  /** The device that a search found. */
  readonly name?: string;
  readonly learned?: readonly Learned[];
  /** After an attempt to put a path back: the array does not list it now. */
  readonly unbound?: boolean;
  /** The daemon's own: no child came to it. */
  readonly untested?: boolean;
}

/** What the child is at, should it not come back from it; 0 for no job in particular. */
export interface Progress {
  readonly at: number;
}

export interface Done {
  readonly done: true;
  /** Reads that were given up hang: it knows of them, and cannot end before they do. */
  readonly hangs?: boolean;
}

export type Message = Answer | Progress | Done;

const TYPES: ReadonlySet<unknown> = new Set<AnswerType>([
  ...["proven", "dead", "hung", "refused", "restored", "unrestored", "wrong", "learned"] as const,
]);

/** A line from a child; undefined for what is none of the above. */
export function parseMessage(line: string): Message | undefined {
  try {
    const message = JSON.parse(line);
    if (typeof message !== "object" || message === null) return undefined;
    if (message.done === true || typeof message.at === "number") return message;
    return typeof message.id === "number" && TYPES.has(message.type) ? message : undefined;
  } catch {
    return undefined;
  }
}
