/** The life of all packages in a system of their own: an older version of each is put in, a newer one over it, and all are taken out. */
import { join } from "@std/path";
import type { Manifest } from "../../../src/host/manifest.ts";
import { build } from "../../../tasks/build.ts";
import { daemonNames, loadManifest } from "../../../tasks/daemons.ts";
import { MAINTAINER, type PackageRun } from "../../../tasks/package/facts.ts";
import { hostTarget, type Target } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../needs.ts";
import { DebianRoot } from "./debian_root.ts";

/** What packs for one package manager: a daemon, and the package that brings them all. */
export interface Packer {
  one(manifest: Manifest, program: string, target: Target, settings: PackageRun): Promise<string>;
  meta(daemons: readonly string[], settings: PackageRun): Promise<string>;
}

/** The test's name, the programs it needs, and who packs. */
export interface PackageLife {
  readonly name: string;
  readonly programs: readonly string[];
  readonly packer: Packer;
  /** The daemons that the test starts. It takes time to pack one. */
  readonly started: readonly string[];
}

export const daemons = await daemonNames();

/** The names of the daemons' packages, with blanks between. */
export const own = daemons.map((name) => `hostkeep-${name}`).join(" ");

/** Stands where a daemon would be that is not started. */
const ANY_PROGRAM = "/usr/bin/true";

async function packAll(
  packer: Packer,
  output: string,
  version: string,
  started: readonly string[],
): Promise<void> {
  await Deno.mkdir(output);
  const release = { version, epoch: 1_700_000_000, maintainer: MAINTAINER };
  const settings: PackageRun = { release, compression: "none", output };
  for (const name of daemons) {
    const program = started.includes(name) ? await build(name) : ANY_PROGRAM;
    await packer.one(await loadManifest(name), program, hostTarget(), settings);
  }
  await packer.meta(daemons, settings);
}

/**
 * A test of `body`, with version 0.1.0 of all packages in /run/packages/old and 0.1.1, of which nothing can be started, in
 * /run/packages/new: what an upgrade does is up to the scripts. Only root can run it.
 */
export async function testLife(
  { name, programs, packer, started }: PackageLife,
  body: (system: DebianRoot) => Promise<void>,
): Promise<void> {
  const life = () =>
    inFolder(async (folder) => {
      const [packages, system] = [join(folder, "packages"), join(folder, "system")];
      for (const each of [packages, system]) await Deno.mkdir(each);
      await packAll(packer, join(packages, "old"), "0.1.0", started);
      await packAll(packer, join(packages, "new"), "0.1.1", []);
      await using mounted = await DebianRoot.on(system, packages);
      await body(mounted);
    });
  if (Deno.uid() === 0) return await testWith(programs, name, life);
  console.log(`SKIPPED ${name}: needs root`);
  Deno.test({ name, ignore: true, fn: life });
}
