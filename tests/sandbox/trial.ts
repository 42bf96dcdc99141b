/** Things that are tried within a sandbox. */
import type { SandboxPolicy } from "../../src/host/sandbox.ts";
import type { Attempt } from "../ffi/attempts.ts";
import type { CompiledProgram } from "../src/host/compiled.ts";
import type { SandboxOrder, SandboxStart } from "../src/host/sandboxed_program.ts";
import type { Site } from "./places.ts";

/** What a line of a manifest is for. It works under one policy and fails under another, which differ in that line only. */
export interface Trial {
  readonly line: string;
  readonly attempt: Attempt;
  readonly works: { readonly policy: SandboxPolicy; readonly result: number | "anything else" };
  readonly fails: { readonly policy: SandboxPolicy; readonly result: number };
}

export interface Outcome {
  readonly starts: readonly SandboxStart[];
  /** Of the permissions, then of the attempts. One that was the end of the process has none. */
  readonly results: readonly number[];
  readonly signal: Deno.Signal | null;
}

/** Tries things one after the other in a process that is confined as a policy says. It becomes itself again last. */
export async function tryUnder(
  program: CompiledProgram,
  site: Site,
  order: Pick<SandboxOrder, "policy" | "attempts" | "permissions">,
): Promise<Outcome> {
  const attempts = order.attempts.filter(([name]) => name !== "become");
  const full = { ...order, places: site.places, attempts };
  const again = JSON.stringify({ ...full, attempts: [], permissions: [] });
  const isLast = attempts.length < order.attempts.length;
  const become = isLast ? { become: [program.path, again] } : {};
  const [command, ...args] = site.front([program.path, JSON.stringify({ ...full, ...become })]);
  const { stdout, stderr, signal } = await new Deno.Command(command, {
    args,
    env: { NO_COLOR: "1" },
  })
    .output();
  const decoder = new TextDecoder();
  const lines = decoder.decode(stdout).trim().split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  if (lines.length === 0 && signal === null) throw new Error(decoder.decode(stderr));
  const starts = lines.filter((line): line is SandboxStart => typeof line === "object");
  const results = lines.filter((line): line is number => typeof line === "number").map(Math.abs);
  return { starts, results: starts.length > 1 ? [...results, 0] : results, signal };
}
