/**
 * The corpus against the installed C virtlockd and ours: the same bytes on every connection, the
 * same files, locks, connections and processes afterwards, but for the divergences that DESIGN.md
 * argues for. Each sequence runs in labs of its own.
 */
import { assert, assertEquals } from "@std/assert";
import { corpus } from "./corpus.ts";
import { type Divergence, divergences } from "./corpus/divergences.ts";
import { differences, type Outcome } from "./corpus/outcome.ts";
import { eachOf } from "./corpus/pool.ts";
import { run } from "./corpus/run.ts";
import type { Sequence } from "./corpus/script.ts";
import { C_DAEMON, ownDaemon } from "./lab_daemon.ts";

/** Sequences at a time. Some wait for seconds, for holders to be killed. */
const WIDTH = 3;

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

Deno.test({
  name: "virtlockd answers every sequence of the corpus as the C daemon does",
  ignore: !await canRun(),
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

async function compare(sequence: Sequence): Promise<void> {
  const [theirs, ours] = await Promise.all([run(sequence, C_DAEMON), run(sequence, ownDaemon())]);
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

async function canRun(): Promise<boolean> {
  const missing = Deno.uid() !== 0
    ? "needs root for mount namespaces"
    : await isMissing(C_DAEMON)
    ? `${C_DAEMON} is not installed (package libvirt-daemon)`
    : await isMissing(ownDaemon())
    ? `${ownDaemon()} is not built (deno task build)`
    : undefined;
  if (missing) console.log(`SKIPPED differential.test.ts: ${missing}`);
  return missing === undefined;
}

async function isMissing(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => false, () => true);
}
