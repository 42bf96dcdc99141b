/**
 * The corpus against the installed C virtlockd and ours: the same bytes on every connection, the
 * same files, locks, connections and processes afterwards, but for the divergences that DESIGN.md
 * argues for. Each sequence runs in labs of its own.
 */
import { assert, assertEquals } from "@std/assert";
import { corpus } from "./corpus.ts";
import type { Divergence } from "./corpus/divergence.ts";
import { divergences } from "./corpus/divergences.ts";
import { goldenFile, GoldenFrames } from "./corpus/golden.ts";
import { differences, type Outcome } from "./corpus/outcome.ts";
import { eachOf } from "./corpus/pool.ts";
import { run } from "./corpus/run.ts";
import type { Sequence } from "./corpus/script.ts";
import { C_DAEMON, ownDaemon } from "./lab_daemon.ts";
import { obstacle, skipped } from "./lab_requirements.ts";

/** Sequences at a time. Some wait for seconds, for holders to be killed. */
const WIDTH = 3;

/** Filled by the comparison with what the C daemon answers. */
const golden = new GoldenFrames();

const design = new URL("../../../daemons/virtlockd/DESIGN.md", import.meta.url);

Deno.test("every sequence of the corpus has a name of its own, and there are 200 or more", () => {
  const names = new Set(corpus.map(({ name }) => name));
  assertEquals(names.size, corpus.length);
  assert(names.size >= 200);
});

Deno.test("every divergence belongs to a sequence and to a heading of DESIGN.md", async () => {
  const names = new Set(corpus.map(({ name }) => name));
  const headings = new Set(
    (await Deno.readTextFile(design)).split("\n").map((line) => line.replace(/^#+ /, "")),
  );
  for (const [name, { heading }] of divergences) {
    assert(names.has(name), `no sequence "${name}"`);
    assert(headings.has(heading), `no heading "${heading}" for "${name}"`);
  }
});

const reason = await obstacle(C_DAEMON, ownDaemon());
const COMPARISON = "virtlockd answers every sequence of the corpus as the C daemon does";
const GOLDEN = "the golden frames are those that the C daemon exchanges with the corpus's clients";

Deno.test({
  name: COMPARISON,
  ignore: skipped(COMPARISON, reason),
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    await eachOf(corpus, WIDTH, async (sequence) => {
      await t.step({
        name: `${sequence.topic}: ${sequence.name}`,
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
        fn: () => compare(sequence),
      });
    });
  },
});

Deno.test({
  name: GOLDEN,
  ignore: skipped(GOLDEN, reason),
  fn: async () => assertEquals(golden.text(), await Deno.readTextFile(goldenFile)),
});

async function compare(sequence: Sequence): Promise<void> {
  const [theirs, ours] = await Promise.all([
    run(sequence, C_DAEMON, (frame) => golden.add("<", frame)),
    run(sequence, ownDaemon()),
  ]);
  golden.addCalls(sequence);
  const expected = expectedOf(theirs, divergences.get(sequence.name));
  const lines = differences(expected, ours);
  if (lines.length > 0) throw new Error(`differs from what is expected:\n${lines.join("\n")}`);
}

/** What ours must do, given what the C daemon did. Throws an Error if a divergence is none. */
function expectedOf(theirs: Outcome, divergence: Divergence | undefined): Outcome {
  if (divergence === undefined) return theirs;
  const expected = { ...theirs, ...divergence.ours };
  assert(differences(theirs, expected).length > 0, "the C daemon does what is listed as ours only");
  return expected;
}
