/** RPM packages, put together by rpmbuild: one for each daemon, and one that brings them all. */
import { dirname, join } from "@std/path";
import type { Manifest } from "../../src/host/manifest.ts";
import { root, run, type Target, targets } from "../toolchain.ts";
import { contentOf, type Entry } from "./content.ts";
import { type Compression, packageName, type PackageRun } from "./facts.ts";
import { RPM } from "./layout.ts";
import { daemonSpec, metaSpec, rpmVersion } from "./rpm_spec.ts";
import { stage } from "./stage.ts";

/** A package as rpmbuild is to make it. */
interface RpmPackage {
  readonly name: string;
  /** As RPM calls machines. */
  readonly architecture: string;
  readonly spec: string;
  readonly entries: readonly Entry[];
}

/** Level and format of the payload. Its xz cuts the input in blocks, of which two threads make the same as more. */
const PAYLOAD: Readonly<Record<Compression, string>> = {
  small: "w6T2.xzdio",
  quick: "w1.gzdio",
  none: "w.ufdio",
};

/** Packs a daemon for a machine, and returns the path of its package. `program`: the executable for that machine. */
export async function rpmPackage(
  manifest: Manifest,
  program: string,
  target: Target,
  settings: PackageRun,
): Promise<string> {
  const name = packageName(manifest.name);
  const files = [...await contentOf(manifest, program, RPM), ...documents(name)];
  const entries = [...ownFolders(files), ...files];
  return await assemble({
    name,
    architecture: targets[target].arch,
    spec: daemonSpec(manifest, entries, settings.release),
    entries,
  }, settings);
}

/** Packs the package that brings those of all daemons. */
export async function rpmMetaPackage(
  daemons: readonly string[],
  settings: PackageRun,
): Promise<string> {
  const files = documents(packageName());
  const entries = [...ownFolders(files), ...files];
  const spec = metaSpec(daemons, entries, settings.release);
  return await assemble({ name: packageName(), architecture: "noarch", spec, entries }, settings);
}

/** Folders that no other package need have: RPM removes those only that a package lists. */
const OWN_FOLDER = /\/hostkeep(-\w+)?(\/|$)|\.service\.d$|^\/etc\/cluster$/;

/** All such folders that entries are in, and which are not entries themselves. */
function ownFolders(entries: readonly Entry[]): Entry[] {
  const listed = new Set(entries.map(({ path }) => path));
  const above = new Set(entries.flatMap(({ path }) => ancestors(path)));
  const found = [...above].filter((path) => OWN_FOLDER.test(path) && !listed.has(path));
  return found.sort().map((path) => ({ path, mode: 0o755 }));
}

function ancestors(path: string): string[] {
  const folder = dirname(path);
  return folder === "/" ? [] : [folder, ...ancestors(folder)];
}

function documents(name: string): Entry[] {
  const folder = RPM.documents(name);
  const licences = `/usr/share/licenses/${name}`;
  return [
    { path: `${folder}/CHANGELOG.md`, mode: 0o644, source: { file: join(root, "CHANGELOG.md") } },
    { path: `${licences}/LICENSE`, mode: 0o644, source: { file: join(root, "LICENSE") } },
  ];
}

async function assemble(made: RpmPackage, settings: PackageRun): Promise<string> {
  const { release, output } = settings;
  const file = `${made.name}-${rpmVersion(release)}.${made.architecture}.rpm`;
  const folder = await Deno.makeTempDir({ dir: output, prefix: ".rpm-" });
  try {
    await stage(made.entries, join(folder, "stage"), release.epoch);
    await Deno.writeTextFile(join(folder, "package.spec"), made.spec);
    await rpmbuild(folder, made, settings);
    await Deno.rename(join(folder, "out", file), join(output, file));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return join(output, file);
}

/**
 * Nothing is done to the files on the way: what a system's macros do to executables would destroy ours, of which the larger part
 * is behind the ELF image.
 */
function definitions(folder: string, { compression }: PackageRun): Record<string, string> {
  return {
    _topdir: join(folder, "top"),
    _rpmdir: join(folder, "out"),
    _build_name_fmt: "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
    _binary_payload: PAYLOAD[compression],
    _build_id_links: "none",
    _buildhost: "localhost",
    __os_install_post: "%{nil}",
    // It looks for files that %files has not got, and takes a path with a blank for two. Both are made of the same list.
    __check_files: "%{nil}",
    debug_package: "%{nil}",
    // Or else the host's folders and compiler flags would be in the package.
    optflags: "-O2",
    clamp_mtime_to_source_date_epoch: "1",
    use_source_date_epoch_as_buildtime: "1",
    staged: join(folder, "stage"),
  };
}

async function rpmbuild(
  folder: string,
  { name, architecture }: RpmPackage,
  settings: PackageRun,
): Promise<void> {
  const defined = Object.entries(definitions(folder, settings))
    .flatMap(([macro, value]) => ["--define", `${macro} ${value}`]);
  const target = `--target=${architecture}-linux`;
  const args = ["-bb", "--nodeps", target, ...defined, join(folder, "package.spec")];
  const made = await run("rpmbuild", args, {
    env: { SOURCE_DATE_EPOCH: String(settings.release.epoch), LC_ALL: "C", HOME: folder },
  });
  if (!made.success) throw new Error(`rpmbuild cannot make "${name}": ${made.output}`);
}
