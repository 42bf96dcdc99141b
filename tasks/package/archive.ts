/** All daemons for one machine as a .tar.xz with an install script, for systems without a package of ours. */
import { basename, join } from "@std/path";
import { loadManifest } from "../daemons.ts";
import { root, run, type Target } from "../toolchain.ts";
import { contentOf, type Entry, textEntry } from "./content.ts";
import type { Compression, Release } from "./facts.ts";
import { ARCHIVE } from "./layout.ts";
import { stage } from "./stage.ts";

/** What an archive is made of. */
export interface ArchivePlan {
  readonly target: Target;
  readonly release: Release;
  readonly compression: Compression;
  /** Where it goes. */
  readonly output: string;
  /** The path of each daemon's executable. */
  readonly programs: ReadonlyMap<string, string>;
}

/**
 * Options of xz. The window holds an executable and more, so that of the runtime, which is in each of them, one copy is stored;
 * one thread, since several would each have a window of their own.
 */
const XZ: Readonly<Record<Compression, string>> = {
  small: "xz -T1 --lzma2=preset=6,dict=128MiB",
  quick: "xz -T1 --lzma2=preset=0,dict=128MiB",
  none: "xz -T1 -0",
};

/** Packs the daemons of a plan, and returns the path of the archive. */
export async function archive(plan: ArchivePlan): Promise<string> {
  const { release, target, output } = plan;
  const name = `hostkeep-${release.version}-${target}`;
  const folder = await Deno.makeTempDir({ dir: output, prefix: ".archive-" });
  const path = join(output, `${name}.tar.xz`);
  try {
    await stage(await entriesOf(plan, `/${name}`), folder, release.epoch);
    await pack(folder, name, path, plan);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return path;
}

async function entriesOf({ programs }: ArchivePlan, top: string): Promise<Entry[]> {
  const script = { file: join(root, "tasks/package/install.sh") };
  const entries: Entry[] = [{ path: join(top, "install.sh"), mode: 0o755, source: script }];
  for (const document of ["LICENSE", "README.md", "PACKAGING.md", "CHANGELOG.md"]) {
    const source = { file: join(root, document) };
    entries.push({ path: join(top, document), mode: 0o644, source });
  }
  for (const [daemon, program] of programs) {
    const content = await contentOf(await loadManifest(daemon), program, ARCHIVE);
    entries.push(textEntry(join(top, "lists", daemon), content.map(line).join("")));
    entries.push(
      ...content.map((entry) => ({ ...entry, path: join(top, "files", entry.path) })),
    );
  }
  return entries;
}

/** A line of a list that the install script reads. */
function line({ path, mode, source, config }: Entry): string {
  const kind = source === undefined ? "folder" : config ? "config" : "file";
  return `${kind} ${mode.toString(8)} ${path}\n`;
}

async function pack(
  folder: string,
  name: string,
  path: string,
  { release, compression }: ArchivePlan,
): Promise<void> {
  const owner = ["--owner=0", "--group=0", "--numeric-owner"];
  const same = ["--sort=name", "--format=gnu", `--mtime=@${release.epoch}`, ...owner];
  const program = ["-I", XZ[compression]];
  const made = await run("tar", [...same, ...program, "-cf", path, "-C", folder, name], {
    env: { LC_ALL: "C" },
  });
  if (!made.success) throw new Error(`tar cannot make "${basename(path)}": ${made.output}`);
}
