/** Debian packages, put together by dpkg-deb: one for each daemon, and one that brings them all. */
import { join } from "@std/path";
import type { Manifest } from "../../src/host/manifest.ts";
import { root, run, type Target } from "../toolchain.ts";
import { contentOf, type Entry, gzipEntry, textEntry } from "./content.ts";
import { changelog, controlOf, copyright, debianVersion, metaControl } from "./debian_control.ts";
import { daemonOverrides, metaOverrides, type Override, overridesText } from "./debian_lintian.ts";
import { maintainerScripts } from "./debian_scripts.ts";
import { type Compression, packageName, type PackageRun, type Release } from "./facts.ts";
import { DEBIAN } from "./layout.ts";
import { sizeOf, stage } from "./stage.ts";

/** A package as dpkg-deb is to make it. */
interface DebianPackage {
  readonly name: string;
  readonly architecture: string;
  readonly control: string;
  readonly scripts: ReadonlyMap<string, string>;
  readonly entries: readonly Entry[];
}

/** dpkg-deb's options. Its xz cuts the input in blocks, of which more than one thread makes the same as one. */
const COMPRESSION: Readonly<Record<Compression, readonly string[]>> = {
  small: ["-Zxz", "-z6"],
  quick: ["-Zgzip", "-z1"],
  none: ["-Znone"],
};

/** Packs a daemon for a machine, and returns the path of its package. `program`: the executable for that machine. */
export async function debianPackage(
  manifest: Manifest,
  program: string,
  target: Target,
  settings: PackageRun,
): Promise<string> {
  const name = packageName(manifest.name);
  const entries = [
    ...await contentOf(manifest, program, DEBIAN),
    ...await documents(name, settings.release),
    overridesEntry(name, daemonOverrides(manifest.name)),
  ];
  return await assemble({
    name,
    architecture: target,
    control: controlOf(manifest, target, settings.release, await sizeOf(entries)),
    scripts: maintainerScripts(manifest),
    entries,
  }, settings);
}

/** Packs the package that brings those of all daemons. */
export async function debianMetaPackage(
  daemons: readonly string[],
  settings: PackageRun,
): Promise<string> {
  return await assemble({
    name: packageName(),
    architecture: "all",
    control: metaControl(daemons, settings.release),
    scripts: new Map(),
    entries: [
      ...await documents(packageName(), settings.release),
      overridesEntry(packageName(), metaOverrides),
    ],
  }, settings);
}

function overridesEntry(name: string, overrides: readonly Override[]): Entry {
  return textEntry(`/usr/share/lintian/overrides/${name}`, overridesText(name, overrides));
}

async function documents(name: string, release: Release): Promise<Entry[]> {
  const folder = DEBIAN.documents(name);
  const upstream = await Deno.readTextFile(join(root, "CHANGELOG.md"));
  return [
    textEntry(join(folder, "copyright"), copyright()),
    gzipEntry(join(folder, "changelog"), upstream),
    gzipEntry(join(folder, "changelog.Debian"), changelog(release)),
  ];
}

function conffiles(entries: readonly Entry[]): string {
  return entries.filter(({ config }) => config).map(({ path }) => `${path}\n`).join("");
}

function controlEntries({ control, scripts, entries }: DebianPackage): Entry[] {
  const listed = conffiles(entries);
  return [
    textEntry("/DEBIAN/control", control),
    ...(listed === "" ? [] : [textEntry("/DEBIAN/conffiles", listed)]),
    ...[...scripts].map(([name, text]) => ({ ...textEntry(`/DEBIAN/${name}`, text), mode: 0o755 })),
  ];
}

async function assemble(made: DebianPackage, settings: PackageRun): Promise<string> {
  const { release, output } = settings;
  const path = join(output, `${made.name}_${debianVersion(release)}_${made.architecture}.deb`);
  const folder = await Deno.makeTempDir({ dir: output, prefix: ".deb-" });
  try {
    await stage(made.entries, folder, release.epoch);
    const sums = textEntry("/DEBIAN/md5sums", await md5sums(folder));
    await stage([...controlEntries(made), sums], folder, release.epoch);
    await dpkgDeb(folder, path, settings);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return path;
}

/** md5 is what dpkg --verify reads. */
async function md5sums(folder: string): Promise<string> {
  const command = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 md5sum";
  const sums = await run("sh", ["-c", command], { cwd: folder });
  if (!sums.success) throw new Error(`cannot sum up "${folder}": ${sums.output}`);
  return sums.stdout;
}

async function dpkgDeb(
  folder: string,
  path: string,
  { release, compression }: PackageRun,
): Promise<void> {
  const options = ["--root-owner-group", ...COMPRESSION[compression]];
  const made = await run("dpkg-deb", [...options, "--build", folder, path], {
    env: { SOURCE_DATE_EPOCH: String(release.epoch), LC_ALL: "C" },
  });
  if (!made.success) throw new Error(`dpkg-deb cannot make "${path}": ${made.output}`);
}
