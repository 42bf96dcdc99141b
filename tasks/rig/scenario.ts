/**
 * Scenarios: the files tests/rig/*.sh and *.ts that run in a guest. What machine one wants stands in its own comments, in
 * lines that begin with `# rig:` or `// rig:` and hold words KEY=VALUE:
 *
 *     nodes=2           machines, 1 to 3, that reach each other as node1, node2 … (10.77.0.1 …); 1 if not said
 *     disk=NAME:SIZE    a disk of each node's own, /dev/rig/NAME; SIZE as 64M or 1G; may be said several times
 *     shared=NAME:SIZE  a disk that all nodes have
 *     memory=SIZE       of each node; 768M if not said
 *     cpus=N            of each node; 2 if not said
 *     limit=SECONDS     after which the machines are killed, and the scenario has failed; 120 if not said
 *     needs=PROGRAM     a program of the host without which the scenario is skipped; may be said several times
 *     init=systemd      systemd is the first process, and runs the scenario; if not said there is no service manager
 *     daemon=NAME       a daemon of ours that must have been built; may be said several times
 */
import { basename, join } from "@std/path";
import { exists, root } from "../toolchain.ts";

export interface Disk {
  readonly name: string;
  readonly bytes: number;
}

/** What machines a scenario runs on. */
export interface Plan {
  readonly nodes: number;
  readonly disks: readonly Disk[];
  readonly shared: readonly Disk[];
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly limitSeconds: number;
  readonly needs: readonly string[];
  readonly daemons: readonly string[];
  /** Whether systemd is the first process. */
  readonly systemd: boolean;
}

export interface Scenario {
  readonly path: string;
  /** Its first line of comment. */
  readonly summary: string;
  readonly plan: Plan;
}

/** Where nothing is said. */
export const defaultPlan: Plan = {
  nodes: 1,
  disks: [],
  shared: [],
  memoryMiB: 768,
  cpus: 2,
  limitSeconds: 120,
  needs: [],
  daemons: [],
  systemd: false,
};

/** More would need another plan for addresses, and more memory than test machines have. */
export const MAX_NODES = 3;

/** The folder of the scenarios. */
export const scenarioFolder: string = join(root, "tests/rig");

/** Finds a scenario by its path or by its name in tests/rig, with or without ending. Throws when there is none. */
export async function loadScenario(nameOrPath: string): Promise<Scenario> {
  const places = [nameOrPath, join(root, nameOrPath), join(scenarioFolder, nameOrPath)];
  for (const path of places.flatMap((place) => [place, `${place}.sh`, `${place}.ts`])) {
    if (await exists(path) && isScenario(path)) {
      const absolute = await Deno.realPath(path);
      const text = await Deno.readTextFile(absolute);
      return { path: absolute, summary: summaryOf(text), plan: parsePlan(text) };
    }
  }
  throw new Error(`no scenario "${nameOrPath}": task rig --list shows all`);
}

/** All scenarios of tests/rig, by name. */
export async function allScenarios(): Promise<Scenario[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(scenarioFolder)) {
    if (isFile && isScenario(name)) names.push(name);
  }
  return await Promise.all(names.sort().map(loadScenario));
}

function isScenario(path: string): boolean {
  return /\.(sh|ts)$/.test(path) && !path.endsWith(".test.ts");
}

/** What a scenario is called: its file's name without the ending. */
export function scenarioName({ path }: Scenario): string {
  return basename(path).replace(/\.(sh|ts)$/, "");
}

function summaryOf(text: string): string {
  return /^(?:#|\/\/|\/\*\*) +(?!rig:)(.*?)(?: \*\/)?$/m.exec(text)?.[1] ?? "";
}

/** Reads the `rig:` lines of a scenario. Throws on a word that it does not know. */
export function parsePlan(text: string): Plan {
  const lines = [...text.matchAll(/^(?:#|\/\/) rig:(.*)$/gm)].map(([, words]) => words);
  let plan = defaultPlan;
  for (const word of lines.join(" ").split(/\s+/).filter((word) => word !== "")) {
    const [key, value = ""] = word.split(/=(.*)/);
    const parse = keys[key];
    if (parse === undefined) throw new Error(`a scenario cannot say "${word}"`);
    plan = { ...plan, ...parse(value, plan) };
  }
  return plan;
}

const keys: Record<string, (value: string, plan: Plan) => Partial<Plan>> = {
  nodes: (value) => ({ nodes: wholeNumber(value, MAX_NODES) }),
  disk: (value, { disks }) => ({ disks: [...disks, parseDisk(value)] }),
  shared: (value, { shared }) => ({ shared: [...shared, parseDisk(value)] }),
  memory: (value) => ({ memoryMiB: parseSize(value) / 2 ** 20 }),
  cpus: (value) => ({ cpus: wholeNumber(value, 8) }),
  limit: (value) => ({ limitSeconds: wholeNumber(value, 3600) }),
  needs: (value, { needs }) => ({ needs: [...needs, value] }),
  init: (value) => ({ systemd: isSystemd(value) }),
  daemon: (value, { daemons }) => ({ daemons: [...daemons, value] }),
};

function isSystemd(init: string): true {
  if (init === "systemd") return true;
  throw new Error(`"${init}" is no init that a guest can have`);
}

/** A number from 1 to `most`. Throws on anything else. */
export function wholeNumber(text: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new Error(`"${text}" is not a number from 1 to ${most}`);
  return value;
}

/** Reads NAME:SIZE. virtio-blk carries a serial number of at most 20 bytes (VIRTIO_BLK_ID_BYTES). */
export function parseDisk(text: string): Disk {
  const [, name, size] = /^([A-Za-z0-9_-]{1,20}):(\S+)$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`"${text}" is not NAME:SIZE`);
  return { name, bytes: parseSize(size) };
}

const units: Record<string, number> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Bytes in "64M". Throws on what is no size. */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+)([KMG])$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`"${text}" is no size like 64M`);
  return Number(number) * units[unit];
}
