/** Replay of what C daemons did: in the mode that behaves as they do, the same bytes in the same order. */
import { assertEquals } from "@std/assert";
import { outputOf, ReplayWorld, trimmed } from "./replay_world.ts";
import { isInput, type Line, ownPid, readFinalLog, readStream, streams } from "./vectors.ts";

/** Replays a stream in the original's mode; returns the world at its end and the number of inputs. */
function replay(lines: readonly Line[]): { world: ReplayWorld; inputs: number } {
  let at = 0;
  const nextRead = (): Uint8Array => {
    const line = lines.slice(at).find(({ dir }) => dir === "diskread");
    return Uint8Array.fromHex(line?.hex ?? "");
  };
  const world = new ReplayWorld(ownPid(lines), true, nextRead);
  let inputs = 0;
  while (at < lines.length) {
    const input = lines[at++];
    assertEquals(isInput(input), true, `line ${input.n} is an input`);
    let end = at;
    while (end < lines.length && !isInput(lines[end])) end++;
    const expected = lines.slice(at, end).map(outputOf);
    assertEquals(world.take(input), expected, `line ${input.n}: ${input.dir}`);
    at = end;
    inputs++;
  }
  return { world, inputs };
}

for (const stream of streams) {
  Deno.test(`the machine does what the C daemon of ${stream} did, byte for byte`, async () => {
    const { inputs } = replay(await readStream(stream));
    assertEquals(inputs > 30, true, `${inputs} inputs`);
  });
}

Deno.test("the captures have 3659 inputs in all", async () => {
  const all = await Promise.all(streams.map(readStream));
  assertEquals(all.flat().filter(isInput).length, 3659);
});

for (const [scenario, last] of [["takeover", "node2"], ["two-node", "node1"]]) {
  Deno.test(`the log device of ${scenario} ends as it did`, async () => {
    const { world } = replay(await readStream(`${scenario}.${last}`));
    assertEquals(trimmed(world.device), trimmed(await readFinalLog(scenario)));
  });
}
