/**
 * The bill of materials of the executables for one machine, as CycloneDX 1.5 JSON (ECMA-424): the daemons, the runtime in front of
 * each, and the npm packages that were bundled into them.
 */
import { join } from "@std/path";
import { bundle } from "../bundle.ts";
import { elfImageBytes } from "../elf.ts";
import { denoVersion, root, sha256, type Target } from "../toolchain.ts";
import { LICENSE, type Release } from "./facts.ts";

/** What is known of an executable without asking anybody else. */
export interface Executable {
  readonly name: string;
  readonly sha256: string;
  /** Of the runtime at its head: denort, byte for byte (tasks/denort.ts). */
  readonly runtimeSha256: string;
  readonly packages: readonly NpmPackage[];
}

/** A package of which code is in an executable. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
}

/** The licences of what an executable contains besides ours. */
const LICENSES: Readonly<Record<string, string>> = {
  denort: "MIT",
  "@logtape/logtape": "MIT",
  valibot: "MIT",
};

/** The packages whose files a bundle names. Sorted, each once. */
export function packagesIn(code: string): NpmPackage[] {
  const named = code.matchAll(/^\/\/ npm\/((?:@[^/\s]+\/)?[^/\s]+)\/(\d[^/\s]*)\//gm);
  const found = new Map([...named].map(([, name, version]) => [name, version]));
  return [...found].sort().map(([name, version]) => ({ name, version }));
}

/** Reads what is in an executable that was built of a daemon. */
export async function executable(name: string, path: string): Promise<Executable> {
  const file = await Deno.readFile(path);
  return {
    name,
    sha256: await sha256(file),
    runtimeSha256: await sha256(file.subarray(0, elfImageBytes(file))),
    packages: packagesIn(await bundle(`daemons/${name}/main.ts`)),
  };
}

function licences(id: string | undefined): { license: { id: string } }[] {
  if (id === undefined) throw new Error("a component has no known licence");
  return [{ license: { id } }];
}

function hash(content: string): { alg: string; content: string }[] {
  return [{ alg: "SHA-256", content }];
}

function runtimeComponent(digest: string): Record<string, unknown> {
  return {
    type: "framework",
    "bom-ref": `denort-${digest}`,
    name: "denort",
    version: denoVersion,
    description: "The runtime of Deno, with V8, that `deno compile` puts in front of a program",
    hashes: hash(digest),
    licenses: licences(LICENSES.denort),
    purl: `pkg:github/denoland/deno@v${denoVersion}`,
  };
}

function npmReference({ name, version }: NpmPackage): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function npmComponent(one: NpmPackage): Record<string, unknown> {
  const purl = npmReference(one);
  return {
    type: "library",
    "bom-ref": purl,
    ...one,
    licenses: licences(LICENSES[one.name]),
    purl,
  };
}

function daemonComponent(one: Executable, version: string): Record<string, unknown> {
  return {
    type: "application",
    "bom-ref": one.name,
    name: one.name,
    version,
    hashes: hash(one.sha256),
    licenses: licences(LICENSE),
  };
}

function dependency(one: Executable): { ref: string; dependsOn: string[] } {
  return {
    ref: one.name,
    dependsOn: [`denort-${one.runtimeSha256}`, ...one.packages.map(npmReference)],
  };
}

/** Each once, by its reference. */
function unique(components: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  return [...new Map(components.map((one) => [one["bom-ref"], one])).values()];
}

/** The document. The same executables give the same text. */
export function sbomOf(executables: readonly Executable[], release: Release): string {
  const { version, epoch } = release;
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString(),
      component: { type: "application", "bom-ref": "hostkeep", name: "hostkeep", version },
    },
    components: unique([
      ...executables.map((one) => daemonComponent(one, version)),
      ...executables.map(({ runtimeSha256 }) => runtimeComponent(runtimeSha256)),
      ...executables.flatMap(({ packages }) => packages.map(npmComponent)),
    ]),
    dependencies: [
      { ref: "hostkeep", dependsOn: executables.map(({ name }) => name) },
      ...executables.map(dependency),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Writes the bill of materials for a machine into a folder, and returns its path. */
export async function writeSbom(
  executables: readonly Executable[],
  target: Target,
  release: Release,
  folder: string = join(root, "dist/packages"),
): Promise<string> {
  const path = join(folder, `hostkeep-${release.version}-${target}.cdx.json`);
  await Deno.writeTextFile(path, sbomOf(executables, release));
  return path;
}
