/** A recording with one of everything, and with texts that no markup may be made of. */
import type { ActRecord, Recording } from "../../../../tasks/demo/recording.ts";

export const HOSTILE = `<script>alert("&'")</script>`;

export function act(change: Partial<ActRecord> = {}): ActRecord {
  return {
    daemon: "tiny",
    title: "an example",
    from: 10,
    to: 20,
    lines: [
      { at: 10, kind: "part", text: "1. First" },
      { at: 11, kind: "happens", text: "something" },
      { at: 12, kind: "shows", text: "it holds", held: true },
      { at: 15, kind: "part", text: "2. Second" },
      { at: 16, kind: "shows", text: "it does not", held: false },
    ],
    tracks: [{
      name: "a track",
      changes: [{ at: 10, state: "up" }, { at: 15, state: "" }, { at: 17.5, state: "down" }],
      marks: [{ at: 12, text: "a mark" }],
    }],
    fileMaps: [{
      at: 13,
      moment: "created",
      extents: [{ start: 0, end: 2048 }, { start: 6144, end: 8192 }],
      regions: [{ start: 0, end: 2048 }],
    }],
    mirror: [{
      at: 14,
      moment: "at rest",
      states: ["clean", "clean", "dirty", "unsynced"],
      disk: "1100",
      differ: [2],
    }],
    ...change,
  };
}

export function recording(...acts: readonly ActRecord[]): Recording {
  return { date: "2026-01-02T03:04:05Z", machine: "2 processors", seconds: 21, acts };
}

/** The attributes of all elements of a name that have a class. */
export function elementsOf(markup: string, name: string, type: string): Record<string, string>[] {
  return [...markup.matchAll(new RegExp(`<${name} ([^>]*)>`, "g"))]
    .map(([, inside]) =>
      Object.fromEntries(
        [...inside.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      )
    )
    .filter((attributes) => attributes.class === type);
}
