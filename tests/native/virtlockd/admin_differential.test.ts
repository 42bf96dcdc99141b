/**
 * The admin corpus against the installed C virtlockd and ours: the same bytes to every client, but for what differs from run
 * to run (admin_replies.ts). The golden transcripts, which the unit tests use, must be what the C daemon says.
 */
import { assert, assertEquals } from "@std/assert";
import { adminCorpus } from "./admin_corpus.ts";
import { goldenPath, goldenStories } from "./admin_golden.ts";
import { play } from "./admin_run.ts";
import type { AdminStory } from "./admin_story.ts";
import { formatLine, formatTranscript, type Line } from "./admin_transcript.ts";
import { toHex } from "./client_frames.ts";
import { C_DAEMON, ownDaemon } from "./lab_daemon.ts";

const HAS_ROOT = Deno.uid() === 0;

/** Longer frames are compared by their beginning, length and hash: a mismatch of megabytes helps nobody. */
const LONGEST_BYTES = 1000;

Deno.test("the admin corpus has 80 calls or more, and all 19 procedures", () => {
  const calls = adminCorpus.flatMap(({ steps }) => steps)
    .flatMap((step) => "bytes" in step ? [step.bytes] : []);
  const procedures = new Set(calls.map((bytes) => new DataView(bytes.buffer).getInt32(12)));
  assert(calls.length >= 80, `${calls.length} calls`);
  for (let number = 1; number <= 19; number++) assert(procedures.has(number), `${number}`);
});

for (const story of goldenStories) {
  perDaemons([C_DAEMON], `the C daemon says what is in golden/${story.name}.txt`, async () => {
    const golden = await Deno.readTextFile(goldenPath(story));
    assertEquals(formatTranscript(await play(story, C_DAEMON)), golden);
  });
}

for (const story of adminCorpus) {
  const name = `virtlockd answers the admin story ${story.name} as the C daemon does`;
  perDaemons([C_DAEMON, ownDaemon()], name, () => compare(story));
}

async function compare(story: AdminStory): Promise<void> {
  const [theirs, ours] = [await play(story, C_DAEMON), await play(story, ownDaemon())];
  assertEquals(await shortened(ours), await shortened(theirs));
}

async function shortened(lines: readonly Line[]): Promise<string[]> {
  return await Promise.all(lines.map(async (line) => {
    if (!("bytes" in line) || line.bytes.length <= LONGEST_BYTES) return formatLine(line);
    const hash = await crypto.subtle.digest("SHA-256", Uint8Array.from(line.bytes));
    const beginning = formatLine({ ...line, bytes: line.bytes.slice(0, 100) });
    return `${beginning}… ${line.bytes.length} bytes, hash ${toHex(new Uint8Array(hash))}`;
  }));
}

function perDaemons(binaries: readonly string[], name: string, fn: () => Promise<void>): void {
  const missing = HAS_ROOT ? binaries.find(isMissing) : "root, for mount namespaces";
  if (missing !== undefined) console.log(`SKIPPED ${name}: needs ${missing}`);
  Deno.test({ name, ignore: missing !== undefined, fn });
}

function isMissing(path: string): boolean {
  try {
    return !Deno.statSync(path).isFile;
  } catch {
    return true;
  }
}
