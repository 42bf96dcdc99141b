/**
 * The temporary folder of one run: disks, consoles, and the share that the guests see as /rig.
 *
 *     disks/NAME            shared disks, and disks/nodeN-NAME
 *     nodeN-console.log
 *     share/environment     what to run, in shell
 *     share/guest/          the second stage and the library for shell
 *     share/meet/           where nodes wait for each other
 *     share/nodeN/          results.jsonl, kmsg, and output/ for what the scenario wants to hand back
 */
import { copy, ensureDir } from "@std/fs";
import { join } from "@std/path";
import { exists } from "../toolchain.ts";
import { type Disk, type Plan } from "./scenario.ts";

const prefix = "hostkeep-rig-";

export class RunFolder {
  #alive: Deno.FsFile | undefined;

  private constructor(readonly path: string, readonly plan: Plan, alive: Deno.FsFile) {
    this.#alive = alive;
  }

  /** Makes a folder with empty disks. Removes those of runs that were killed. */
  static async create(
    plan: Plan,
    environment: Readonly<Record<string, string>>,
  ): Promise<RunFolder> {
    await removeAbandoned();
    const path = await Deno.makeTempDir({ prefix });
    const folder = new RunFolder(path, plan, await markAlive(path));
    await ensureDir(join(path, "disks"));
    await ensureDir(join(path, "share/meet"));
    for (const node of folder.nodes()) {
      await ensureDir(join(folder.ofNode(node), "output"));
      for (const disk of plan.disks) await createDisk(folder.disk(disk.name, node), disk);
    }
    for (const disk of plan.shared) await createDisk(folder.disk(disk.name), disk);
    await copy(new URL("guest", import.meta.url), join(path, "share/guest"));
    await Deno.writeTextFile(join(path, "share/environment"), inShell(environment));
    return folder;
  }

  /** Numbers of the nodes, from 1. */
  nodes(): number[] {
    return Array.from({ length: this.plan.nodes }, (_, index) => index + 1);
  }

  /** Path of the image of a shared disk, or of a node's own. */
  disk(name: string, node?: number): string {
    return join(this.path, "disks", node === undefined ? name : `node${node}-${name}`);
  }

  /** The disks that a node sees, its own first. */
  disksOf(node: number): { name: string; path: string }[] {
    const own = this.plan.disks.map(({ name }) => ({ name, path: this.disk(name, node) }));
    return [...own, ...this.plan.shared.map(({ name }) => ({ name, path: this.disk(name) }))];
  }

  /** Path of a node's part of the share. */
  ofNode(node: number): string {
    return join(this.path, "share", `node${node}`);
  }

  console(node: number): string {
    return join(this.path, `node${node}-console.log`);
  }

  /** Tells the nodes that wait for one that it will not come. */
  async markFailed(): Promise<void> {
    await Deno.writeTextFile(join(this.path, "share/failed"), "");
  }

  /** Removes the folder, unless it is to be kept for who wants to look at it. */
  async close(keep: boolean): Promise<void> {
    if (this.#alive === undefined) return;
    if (keep) await Deno.remove(join(this.path, "alive"));
    else await Deno.remove(this.path, { recursive: true });
    this.#alive.close();
    this.#alive = undefined;
  }
}

async function createDisk(path: string, { bytes }: Disk): Promise<void> {
  using file = await Deno.create(path);
  await file.truncate(bytes);
}

/** Assignments for a POSIX shell. */
export function inShell(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}\n`).join("");
}

/** A word for a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A lock that ends with this process. The file takes its name when it is locked, so that nobody finds it without. */
async function markAlive(folder: string): Promise<Deno.FsFile> {
  const file = await Deno.open(join(folder, "new"), { create: true, write: true });
  await file.lock(true);
  await Deno.rename(join(folder, "new"), join(folder, "alive"));
  return file;
}

async function removeAbandoned(): Promise<void> {
  const temporary = join(Deno.env.get("TMPDIR") || "/tmp");
  for await (const { name } of Deno.readDir(temporary)) {
    const folder = join(temporary, name);
    if (name.startsWith(prefix) && await isAbandoned(folder)) {
      await Deno.remove(folder, { recursive: true }).catch(ignoreAbsence); // another run may do the same
    }
  }
}

async function isAbandoned(folder: string): Promise<boolean> {
  if (!await exists(join(folder, "alive"))) return false;
  try {
    using file = await Deno.open(join(folder, "alive"), { write: true });
    return await file.tryLock(true);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false; // another user's
    ignoreAbsence(error);
    return false;
  }
}

function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
