/**
 * Writes tests/golden/virtlockd/lock_frames.txt anew from the installed C daemon:
 *   deno run -A tests/native/virtlockd/corpus_capture.ts
 */
import { corpus } from "./corpus.ts";
import { goldenFile, GoldenFrames } from "./corpus/golden.ts";
import { eachOf } from "./corpus/pool.ts";
import { run } from "./corpus/run.ts";
import { C_DAEMON } from "./lab_daemon.ts";

const WIDTH = 4;

const golden = new GoldenFrames();
await eachOf(corpus, WIDTH, async (sequence) => {
  golden.addCalls(sequence);
  await run(sequence, C_DAEMON, (frame) => golden.add("<", frame));
});
await Deno.writeTextFile(goldenFile, golden.text());
Deno.exit(0);
