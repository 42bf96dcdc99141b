/** The captured life of C daemons (tests/golden/cmirrord): every input that one got, and every output that it made. */
import { root } from "../../../tasks/toolchain.ts";
import type { Member } from "../../../daemons/cmirrord/membership.ts";

/** One line of a capture. Which fields it has depends on `dir`. */
export interface Line {
  readonly n: number;
  readonly dir: string;
  readonly h: number;
  readonly nodeid: number;
  readonly pid: number;
  readonly hex: string;
  readonly rc: number;
  readonly len: number;
  readonly name: string;
  readonly members: readonly Member[];
  readonly left: readonly Member[];
  readonly joined: readonly Member[];
}

/** Every stream: scenario and node. */
export const streams: readonly string[] = [
  "core-single.node1",
  "ctr-and-log.node1",
  "mark-in-flight-join.node1",
  "mark-in-flight-join.node2",
  "server-crash.node1",
  "server-crash.node2",
  "takeover.node1",
  "takeover.node2",
  "two-node.node1",
  "two-node.node2",
];

async function unpack(name: string): Promise<string> {
  const file = await Deno.open(`${root}/tests/golden/cmirrord/${name}.gz`);
  const text = file.readable.pipeThrough(new DecompressionStream("gzip"));
  return await new Response(text).text();
}

export async function readStream(name: string): Promise<Line[]> {
  const text = await unpack(`${name}.jsonl`);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** The first 4096 bytes of the log device at the end of a scenario. */
export async function readFinalLog(scenario: string): Promise<Uint8Array> {
  return Uint8Array.fromHex((await unpack(`${scenario}.log.hex`)).trim());
}

const inputs = new Set(["fromkernel", "deliver", "confchg", "dispatched"]);

export function isInput({ dir }: Line): boolean {
  return inputs.has(dir);
}

/** Our pid: that of our own entry in the first configuration change. */
export function ownPid(lines: readonly Line[]): number {
  return lines.find(({ dir }) => dir === "confchg")?.joined[0].pid ?? 0;
}
