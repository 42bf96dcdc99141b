/** The pinned Deno, the machines we build for, and how the tasks run a program. */
import { fromFileUrl } from "@std/path";

/** The one Deno everything is built and tested with: `deno compile` embeds a denort of the same version. */
export const denoVersion = "2.7.11";

/** The checkout: the folder that holds deno.json. */
export const root: string = fromFileUrl(new URL("..", import.meta.url)).replace(/\/$/, "");

/** A machine to build for, under Debian's name for it. */
export type Target = "amd64" | "arm64";

/** What a target is called elsewhere: in GNU library paths, and by `deno compile`. */
export const targets: Record<Target, { arch: typeof Deno.build.arch; triple: string }> = {
  amd64: { arch: "x86_64", triple: "x86_64-unknown-linux-gnu" },
  arm64: { arch: "aarch64", triple: "aarch64-unknown-linux-gnu" },
};

/** This machine. Throws on one we do not build for. */
export function hostTarget(): Target {
  for (const [name, target] of Object.entries(targets)) {
    if (target.triple === Deno.build.target) return name as Target;
  }
  throw new Error(`cannot build on "${Deno.build.target}"`);
}

/** Throws, with the command to type, when another Deno than the pinned one runs us. */
function requirePinnedDeno(): void {
  if (Deno.version.deno === denoVersion) return;
  throw new Error(
    `Deno ${Deno.version.deno} runs this, but ${denoVersion} is pinned: use npx --yes deno@${denoVersion}`,
  );
}

/** Runs a task's main function: an error becomes one line on stderr and exit code 1. */
export async function runTask(name: string, main: () => Promise<number>): Promise<never> {
  try {
    requirePinnedDeno();
    Deno.exit(await main());
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}

/** How a program ended, with what it printed (stdout, then stderr). */
export interface Finished {
  readonly success: boolean;
  readonly code: number;
  readonly stdout: string;
  readonly output: string;
}

/** Runs a program to its end, in the checkout unless `options.cwd` says otherwise, and collects its output. */
export async function run(
  command: string,
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<Finished> {
  const child = new Deno.Command(command, {
    cwd: root,
    stdin: "null",
    ...options,
    args: [...args],
  });
  const { success, code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  return { success, code, stdout: text, output: text + decoder.decode(stderr) };
}

/** Runs the Deno that runs us; inside a task, `deno` need not be on PATH. */
export function runDeno(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<Finished> {
  return run(Deno.execPath(), args, {
    ...options,
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...options.env },
  });
}

/** The folders in which Deno keeps its downloads. */
export async function denoFolders(): Promise<{ denoDir: string; npmCache: string }> {
  const info = await runDeno(["info", "--json"]);
  if (!info.success) throw new Error(`cannot ask Deno for its folders: ${info.output}`);
  return JSON.parse(info.stdout);
}

/** SHA-256 in lower-case hexadecimal. */
export async function sha256(data: Uint8Array<ArrayBuffer> | string): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Whether a file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
