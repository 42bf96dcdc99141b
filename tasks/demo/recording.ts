/**
 * What a run of the demo has seen and measured. The report is drawn from this and from nothing else.
 *
 * Times are seconds since the demo began.
 */
import type { RegionState } from "./cmirrord_bits.ts";

export interface Recording {
  /** When it began, as ISO 8601. */
  readonly date: string;
  /** What it ran on, in words. */
  readonly machine: string;
  readonly seconds: number;
  readonly acts: readonly ActRecord[];
}

/** part: a heading; shows: a claim; shown: a line of a program's output. */
export type LineKind = "part" | "why" | "happens" | "shows" | "shown";

/** Something that was told. */
export interface Line {
  readonly at: number;
  readonly kind: LineKind;
  readonly text: string;
  /** Of a claim: whether it was seen to hold. */
  readonly held?: boolean;
}

/** One state after the other; "" for none. */
export interface Track {
  readonly name: string;
  readonly changes: readonly { readonly at: number; readonly state: string }[];
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

/** Sectors, the last not among them. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A file and the regions that follow it. */
export interface FileMap {
  readonly at: number;
  readonly moment: string;
  readonly extents: readonly Span[];
  readonly regions: readonly Span[];
}

/** A mirror's regions, as its daemon and the log on disk have them. */
export interface MirrorMoment {
  readonly at: number;
  readonly moment: string;
  readonly states: readonly RegionState[];
  /** The log on disk: "1" for a clean region. */
  readonly disk: string;
  /** The regions whose legs are not the same; undefined where they were not compared. */
  readonly differ?: readonly number[];
}

/** One daemon's act. */
export interface ActRecord {
  readonly daemon: string;
  readonly title: string;
  readonly from: number;
  readonly to: number;
  /** Why it was not played. */
  readonly leftOut?: string;
  readonly lines: readonly Line[];
  readonly tracks: readonly Track[];
  readonly fileMaps: readonly FileMap[];
  readonly mirror: readonly MirrorMoment[];
}

/** The claims of an act. */
export function claimsOf({ lines }: ActRecord): readonly Line[] {
  return lines.filter(({ kind }) => kind === "shows");
}
