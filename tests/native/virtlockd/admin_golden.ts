/**
 * The golden transcripts of the admin corpus (tests/golden/virtlockd/admin). Run as a program it records them anew from the
 * installed C daemon:
 *   deno run -A tests/native/virtlockd/admin_golden.ts
 */
import { adminCorpus } from "./admin_corpus.ts";
import { play } from "./admin_run.ts";
import type { AdminStory } from "./admin_story.ts";
import { formatTranscript } from "./admin_transcript.ts";
import { C_DAEMON } from "./lab_daemon.ts";

export const goldenStories: readonly AdminStory[] = adminCorpus.filter(({ notGolden }) =>
  notGolden === undefined
);

export function goldenPath({ name }: AdminStory): string {
  return new URL(`../../golden/virtlockd/admin/${name}.txt`, import.meta.url).pathname;
}

if (import.meta.main) {
  for (const story of goldenStories) {
    const lines = await play(story, C_DAEMON);
    await Deno.writeTextFile(goldenPath(story), formatTranscript(lines));
    console.log(`${story.name}: ${lines.filter(({ kind }) => kind === ">").length} calls`);
  }
}
