/**
 * `deno task package [--target amd64|arm64] [--quick] [NAME…]`: makes packages (.deb, .rpm, .tar.xz) of the daemons named, or
 * of all, into dist/packages/; for both machines, unless one is named.
 *
 * The same sources give the same bytes. With --quick the packages are larger, and sooner there. DEBFULLNAME and DEBEMAIL say who
 * answers for them.
 */
import { join, relative } from "@std/path";
import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { daemonNames, loadManifest } from "./daemons.ts";
import { archive } from "./package/archive.ts";
import { debianMetaPackage, debianPackage } from "./package/debian.ts";
import { MAINTAINER, type PackageRun, release } from "./package/facts.ts";
import { rpmMetaPackage, rpmPackage } from "./package/rpm.ts";
import { type Executable, executable, writeSbom } from "./package/sbom.ts";
import { writeSums } from "./package/sums.ts";
import { ensurePackages } from "./setup.ts";
import { hostTarget, root, runTask, type Target, targets } from "./toolchain.ts";

/** Debian packages of dpkg-deb, rpmbuild and xz. */
const TOOLS = ["dpkg", "rpm", "xz-utils"];

const OUTPUT = join(root, "dist/packages");

function chosenTargets(text: string | undefined): Target[] {
  const all = Object.keys(targets) as Target[];
  if (text === undefined) return all;
  const chosen = all.filter((target) => target === text);
  if (chosen.length === 0) throw new Error(`unknown target "${text}": use ${all.join(" or ")}`);
  return chosen;
}

function show(path: string): void {
  console.log(relative(root, path));
}

/** Everything for one machine: packages of the daemons named, an archive, the bill of materials. */
async function packFor(target: Target, names: readonly string[], run: PackageRun): Promise<void> {
  const programs = new Map<string, string>();
  for (const name of names) {
    const program = await build(name, target === hostTarget() ? undefined : target);
    programs.set(name, program);
    const manifest = await loadManifest(name);
    show(await debianPackage(manifest, program, target, run));
    show(await rpmPackage(manifest, program, target, run));
  }
  show(await archive({ ...run, target, programs }));
  const executables: Executable[] = [];
  for (const [name, program] of programs) executables.push(await executable(name, program));
  show(await writeSbom(executables, target, run.release, OUTPUT));
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { target: { type: "string" }, quick: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  if (!await ensurePackages("packages", TOOLS)) throw new Error("no packages without their tools");
  await Deno.mkdir(OUTPUT, { recursive: true });
  const compression = values.quick ? "quick" : "small";
  const run: PackageRun = { release: await release(), compression, output: OUTPUT };
  if (run.release.maintainer === MAINTAINER) {
    console.log("the maintainer is a placeholder: set DEBFULLNAME and DEBEMAIL");
  }
  const daemons = await daemonNames();
  const names = positionals.length > 0 ? positionals : daemons;
  for (const target of chosenTargets(values.target)) await packFor(target, names, run);
  show(await debianMetaPackage(daemons, run));
  show(await rpmMetaPackage(daemons, run));
  show(await writeSums(OUTPUT));
  return 0;
}

if (import.meta.main) await runTask("package", main);
