/** Takes down what one act of the demo tells and measures. */
import type { ActRecord, FileMap, Line, MirrorMoment, Track } from "./recording.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

function byTime(one: { at: number }, other: { at: number }): number {
  return one.at - other.at;
}

/** Sorted, and without changes that change nothing. */
function inOrder({ name, changes, marks }: Track): Track {
  const sorted = changes.toSorted(byTime);
  return {
    name,
    changes: sorted.filter(({ state }, index) => state !== sorted[index - 1]?.state),
    marks: marks.toSorted(byTime),
  };
}

export class ActRecorder {
  readonly #lines: Line[] = [];
  readonly #tracks = new Map<string, Mutable<Track>>();
  readonly #fileMaps: FileMap[] = [];
  readonly #mirror: MirrorMoment[] = [];
  leftOut: string | undefined;

  constructor(readonly daemon: string, readonly title: string, readonly from: number) {}

  line(line: Line): void {
    this.#lines.push(line);
  }

  /** Names tracks in the order in which they are to be shown. */
  order(...tracks: readonly string[]): void {
    for (const track of tracks) this.#track(track);
  }

  /** From a time on a track is in a state; "" for none. May be said in any order. */
  state(track: string, state: string, at: number): void {
    this.#track(track).changes.push({ at, state });
  }

  /** Something of a moment happens on a track. */
  mark(track: string, text: string, at: number): void {
    this.#track(track).marks.push({ at, text });
  }

  fileMap(map: FileMap): void {
    this.#fileMaps.push(map);
  }

  mirror(moment: MirrorMoment): void {
    this.#mirror.push(moment);
  }

  /** What was told last of a kind. */
  last(kind: Line["kind"]): string {
    return this.#lines.findLast((line) => line.kind === kind)?.text ?? "";
  }

  /** All of it, as the act ends. */
  record(to: number): ActRecord {
    return {
      daemon: this.daemon,
      title: this.title,
      from: this.from,
      to,
      ...this.leftOut !== undefined && { leftOut: this.leftOut },
      lines: this.#lines.toSorted(byTime),
      tracks: [...this.#tracks.values()].map(inOrder).filter(({ changes }) => changes.length > 0),
      fileMaps: this.#fileMaps,
      mirror: this.#mirror.toSorted(byTime),
    };
  }

  #track(name: string): Mutable<Track> {
    const found = this.#tracks.get(name) ?? { name, changes: [], marks: [] };
    this.#tracks.set(name, found);
    return found;
  }
}
