/** Who may import whom: `src/wire` ← `ffi` ← `src/host` ← a daemon's effects ← its main.ts. */
import { fromFileUrl, relative } from "@std/path";
import { root, runDeno } from "../../tasks/toolchain.ts";
import { isPure, type SourceFile } from "./tree.ts";

/** One import. A file of ours is a path relative to the checkout, a package is `npm:NAME`, a module of Node `node:NAME`. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** Packages that compute and nothing else. */
const purePackages = new Set(["npm:valibot", "npm:@stellar/js-xdr"]);

const packages = new Set([...purePackages, "npm:@logtape/logtape"]);

/** Modules of src/host that declare types and nothing else, and so may be named by a daemon's pure code. */
export const shapes: ReadonlySet<string> = new Set([
  "src/host/log_types.ts",
  "src/host/manifest.ts",
]);

/** Modules of Node's that do no I/O. */
const nodeModules = new Set(["node:util"]);

/** Says what is wrong with an import, if anything. */
export function layerViolation({ from, to }: Import): string | undefined {
  if (to.startsWith("npm:") || to.startsWith("node:")) return packageViolation({ from, to });
  if (daemonOf(to) !== undefined && daemonOf(to) !== daemonOf(from)) {
    return `${from} reaches into ${to}`;
  }
  if (isPure(from) && !isPure(to) && !(daemonOf(from) !== undefined && shapes.has(to))) {
    return `${from} is pure, ${to} is not`;
  }
  return rank(to) > rank(from) ? `${from} imports ${to} from above` : undefined;
}

function packageViolation({ from, to }: Import): string | undefined {
  const allowed = isPure(from) ? purePackages : packages.union(nodeModules);
  return allowed.has(to) ? undefined : `${from} may not import ${to}`;
}

function daemonOf(path: string): string | undefined {
  return /^daemons\/([^/]+)\//.exec(path)?.[1];
}

/** Floor of the house, counted from below; what is none of ours to import from is above all. */
function rank(path: string): number {
  const floors = [
    /^src\/wire\//,
    /^ffi\//,
    /^(src\/host\/|deno\.json$)/,
    /^daemons\/(?![^/]+\/main\.ts$)/,
    /^daemons\//,
  ];
  const floor = floors.findIndex((pattern) => pattern.test(path));
  return floor === -1 ? floors.length : floor;
}

/** The parts of `deno info --json` that we read. */
interface Info {
  modules: { specifier: string; error?: string; dependencies?: Dependency[] }[];
}

interface Dependency {
  specifier: string;
  code?: { specifier?: string; error?: string };
  type?: { specifier?: string; error?: string };
}

/** Every import of the given files, of types as well as values. */
export async function importsOf(files: readonly SourceFile[]): Promise<Import[]> {
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-house-" });
  try {
    const entry = `${folder}/all.ts`;
    await Deno.writeTextFile(
      entry,
      files.map(({ path }) => `import "${root}/${path}";\n`).join(""),
    );
    const finished = await runDeno(["info", "--json", "--config", `${root}/deno.json`, entry]);
    if (!finished.success) throw new Error(`cannot read the imports: ${finished.output}`);
    return importsIn(JSON.parse(finished.stdout), files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function importsIn(info: Info, files: readonly SourceFile[]): Import[] {
  const ours = new Set(files.map(({ path }) => path));
  return info.modules
    .map(({ specifier, dependencies }) => ({
      from: shortName(specifier),
      dependencies: dependencies ?? [],
    }))
    .filter(({ from }) => ours.has(from))
    .flatMap(({ from, dependencies }) =>
      dependencies.map((dependency) => ({ from, to: shortName(target(dependency)) }))
    );
}

function target({ specifier, code, type }: Dependency): string {
  const found = code?.specifier ?? type?.specifier;
  if (found === undefined) throw new Error(`import of "${specifier}" leads nowhere`);
  return found;
}

/** `npm:@scope/name@1.2.3/sub` → `npm:@scope/name`, `file://…` → its path in the checkout. */
function shortName(specifier: string): string {
  if (specifier.startsWith("file:")) return relative(root, fromFileUrl(specifier));
  return /^npm:\/?(@[^/]+\/[^@/]+|[^@/]+)/.exec(specifier)?.[0].replace("npm:/", "npm:") ??
    specifier;
}
