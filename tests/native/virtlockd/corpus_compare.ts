/**
 * Plays the corpus against two daemons and prints where they differ:
 *   deno run -A tests/native/virtlockd/corpus_compare.ts [--only REGEXP] [--show] [BINARY [BINARY]]
 * By default the C daemon and the one under test. Exit code 1 if anything differs.
 */
import { corpus } from "./corpus.ts";
import { differences, inLines, type Outcome } from "./corpus/outcome.ts";
import { eachOf } from "./corpus/pool.ts";
import { run } from "./corpus/run.ts";
import { C_DAEMON, ownDaemon } from "./lab_daemon.ts";

const WIDTH = 3;

interface Arguments {
  only: RegExp;
  show: boolean;
  binaries: string[];
}

function parse(args: string[]): Arguments {
  const result: Arguments = { only: /./, show: false, binaries: [] };
  for (let arg; (arg = args.shift()) !== undefined;) {
    if (arg === "--only") result.only = new RegExp(args.shift() ?? "");
    else if (arg === "--show") result.show = true;
    else result.binaries.push(arg);
  }
  return result;
}

async function main(): Promise<number> {
  const { only, show, binaries } = parse([...Deno.args]);
  const [left = C_DAEMON, right = ownDaemon()] = binaries;
  const chosen = corpus.filter(({ topic, name }) => only.test(`${topic}: ${name}`));
  let different = 0;
  await eachOf(chosen, WIDTH, async (sequence) => {
    const outcomes = await Promise.all([outcomeOf(left), outcomeOf(right)]);
    const lines = differences(outcomes[0], outcomes[1]);
    if (lines.length > 0) different++;
    if (show || lines.length > 0) console.log(`\n${sequence.topic}: ${sequence.name}`);
    if (show) console.log(inLines(outcomes[0]).join("\n"));
    if (lines.length > 0) console.log(lines.join("\n"));

    async function outcomeOf(binary: string): Promise<Outcome> {
      try {
        return await run(sequence, binary);
      } catch (error) {
        const trace = [`did not come to an end: ${error}`];
        return { trace, connections: [], processes: [], files: [], locks: [], daemon: "unknown" };
      }
    }
  });
  console.log(`\n${chosen.length} sequences, ${different} differ`);
  return different > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
