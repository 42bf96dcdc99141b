/** Runs a script of this folder in a process of its own, since what it does to itself cannot be undone. */
import { fromFileUrl } from "@std/path";

export interface ChildResult {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `order` is the script's one argument, as JSON. `as`: a program in front, such as setpriv with its options. */
export async function runChild(
  script: string,
  order: unknown,
  as: readonly string[] = [],
): Promise<ChildResult> {
  const path = fromFileUrl(new URL(script, import.meta.url));
  const deno = ["run", "--allow-all", path, JSON.stringify(order)];
  const [command, ...args] = [...as, Deno.execPath(), ...deno];
  const env = { NO_COLOR: "1" };
  const { code, signal, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
  const decoder = new TextDecoder();
  return { code, signal, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What the script printed. Throws an Error with its stderr when it failed. */
export async function answerOf<T>(
  script: string,
  order: unknown,
  as: readonly string[] = [],
): Promise<T> {
  const { code, stdout, stderr } = await runChild(script, order, as);
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}
