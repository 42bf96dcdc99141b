/**
 * `deno task build [NAME…] [--target amd64|arm64]`: compiles daemons into dist/NAME for this machine, or into
 * dist/TARGET/NAME where a target is named. Without names, all of them.
 *
 * The same sources give the same bytes in any folder and at any time. What has not changed is not built again, so that
 * a daemon which runs from dist/ keeps its file.
 */
import { dirname, join, relative } from "@std/path";
import { parseArgs } from "node:util";
import { bundle } from "./bundle.ts";
import { daemonNames, loadManifest } from "./daemons.ts";
import { denortIdentity, findDenort } from "./denort.ts";
import { compileFlags } from "./flags.ts";
import {
  denoVersion,
  hostTarget,
  root,
  runDeno,
  runTask,
  sha256,
  type Target,
  targets,
} from "./toolchain.ts";

/** What a build was made from; the same plan gives the same bytes. */
export interface Plan {
  readonly name: string;
  readonly target: Target;
  readonly code: string;
  readonly flags: readonly string[];
  /** Path of the executable. */
  readonly output: string;
}

/** Builds one daemon unless it is up to date, and returns the path of its executable. */
export async function build(name: string, target?: Target): Promise<string> {
  const machine = target ?? hostTarget();
  const plan: Plan = {
    name,
    target: machine,
    flags: compileFlags(await loadManifest(name), machine),
    code: await bundle(`daemons/${name}/main.ts`),
    output: join(root, "dist", target ?? "", name),
  };
  const shown = relative(root, plan.output);
  const stamp = new Stamp(plan, await inputsDigest(plan));
  if (await stamp.holds()) {
    console.log(`${shown}: up to date`);
    return plan.output;
  }
  await compile(plan);
  await stamp.write();
  console.log(`${shown}: built for ${plan.target}`);
  return plan.output;
}

/** Builds the daemons named, or all of them when none is. */
export async function buildAll(names: readonly string[], target?: Target): Promise<void> {
  const all = names.length > 0 ? names : await daemonNames();
  if (all.length === 0) throw new Error("no daemon to build");
  for (const name of all) await build(name, target);
}

async function inputsDigest(plan: Plan): Promise<string> {
  const inputs = [denoVersion, await denortIdentity(), plan.target, plan.flags, plan.code];
  return await sha256(JSON.stringify(inputs));
}

/** Remembers what an executable was built from, and which file came of it. */
class Stamp {
  readonly #path: string;
  readonly #output: string;
  readonly #inputs: string;

  constructor(plan: Plan, inputs: string) {
    this.#path = join(root, "dist/.stamp", relative(join(root, "dist"), plan.output));
    this.#output = plan.output;
    this.#inputs = inputs;
  }

  async holds(): Promise<boolean> {
    try {
      return await Deno.readTextFile(this.#path) === await this.#text();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  async write(): Promise<void> {
    await Deno.mkdir(dirname(this.#path), { recursive: true });
    await Deno.writeTextFile(this.#path, await this.#text());
  }

  async #text(): Promise<string> {
    const { size, mtime } = await Deno.stat(this.#output);
    return `${this.#inputs} ${size} ${mtime?.getTime()}\n`;
  }
}

/** Compiles beside the output and renames, so that nobody meets half a file, nor loses the one that runs. */
export async function compile(plan: Plan): Promise<void> {
  const denort = await findDenort(plan.target);
  console.log(`denort for ${plan.target}: ${denort.origin}`);
  await Deno.mkdir(dirname(plan.output), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: dirname(plan.output), prefix: ".build-" });
  try {
    await writeSource(join(folder, `${plan.name}.js`), plan.code);
    await runCompiler(plan, folder, denort.path);
    await Deno.rename(join(folder, plan.name), plan.output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The executable records the time of its source. */
async function writeSource(path: string, code: string): Promise<void> {
  await Deno.writeTextFile(path, code);
  await Deno.utime(path, 0, 0);
}

async function runCompiler(plan: Plan, folder: string, denort: string | undefined): Promise<void> {
  const isolated = ["--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-check"];
  const target = ["--target", targets[plan.target].triple];
  const files = ["-o", plan.name, `${plan.name}.js`];
  const args = ["compile", ...isolated, ...target, ...plan.flags, ...files];
  const finished = await runDeno(args, { cwd: folder, clearEnv: true, env: compilerEnv(denort) });
  if (!finished.success) throw new Error(`cannot compile "${plan.name}": ${finished.output}`);
}

/** Only what leads to denort: other variables, such as DENO_TLS_CA_STORE and OTEL_*, would end up in the executable. */
function compilerEnv(denort: string | undefined): Record<string, string> {
  const env: Record<string, string> = denort === undefined ? {} : { DENORT_BIN: denort };
  for (const name of ["HOME", "DENO_DIR", "XDG_CACHE_HOME"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function parseTarget(text: string | undefined): Target | undefined {
  if (text === undefined || Object.hasOwn(targets, text)) return text as Target | undefined;
  throw new Error(`unknown target "${text}": use ${Object.keys(targets).join(" or ")}`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { target: { type: "string" } },
    allowPositionals: true,
  });
  await buildAll(positionals, parseTarget(values.target));
  return 0;
}

if (import.meta.main) await runTask("build", main);
