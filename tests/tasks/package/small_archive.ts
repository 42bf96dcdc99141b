/** An archive as tasks/package/archive.ts packs them, but of a few small files, and a system that it is installed on. */
import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { root, run } from "../../../tasks/toolchain.ts";

export const PROGRAM = "/usr/sbin/virtlockd";
export const UNIT = "/lib/systemd/system/virtlockd.service";
export const PAGE = "/usr/share/man/man8/virtlockd.8.gz";
export const CONFIGURATION = "/etc/virtlockd.conf";
export const PROFILE = "/etc/apparmor.d/hostkeep-virtlockd";

const LIST: readonly string[] = [
  `config 644 ${PROFILE}`,
  "folder 755 /etc/cluster/empty",
  `config 644 ${CONFIGURATION}`,
  `file 644 ${UNIT}`,
  `file 755 ${PROGRAM}`,
  `file 644 ${PAGE}`,
];

/** What the original's package has, and an administrator's file. The rest of LIST has no original. */
export const ORIGINALS: readonly string[] = [UNIT, PROGRAM];
const THEIRS = [...ORIGINALS, CONFIGURATION];

/** What is in a file of ours. */
export function ours(version: number, path: string): string {
  return `hostkeep ${version}: ${path}\n`;
}

/** What is in a file of the original's. */
export function theirs(version: number, path: string): string {
  return `libvirt ${version}: ${path}\n`;
}

async function write(path: string, text: string, mode: number): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(`${path}.renamed`, text);
  await Deno.chmod(`${path}.renamed`, mode);
  await Deno.rename(`${path}.renamed`, path);
}

/** Unpacks an archive with a version of ours, and returns the path of its install script. */
export async function unpacked(folder: string, version: number): Promise<string> {
  for (const line of LIST) {
    const [kind, , path] = line.split(" ");
    if (kind !== "folder") await write(join(folder, "files", path), ours(version, path), 0o644);
  }
  await write(join(folder, "lists/virtlockd"), LIST.map((line) => `${line}\n`).join(""), 0o644);
  const script = join(folder, "install.sh");
  await Deno.copyFile(join(root, "tasks/package/install.sh"), script);
  return script;
}

/** A system that archives are installed on. */
export class System {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** What the original's package manager does at an installation and at an upgrade. */
  async bring(version: number, paths: readonly string[] = THEIRS): Promise<void> {
    for (const path of paths) await write(this.at(path), theirs(version, path), 0o750);
  }

  at(path: string): string {
    return join(this.folder, path);
  }

  /** The text of a file; undefined if there is none. */
  async text(path: string): Promise<string | undefined> {
    try {
      return await Deno.readTextFile(this.at(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** All but folders: paths, modes, targets of links, sums. */
  async files(): Promise<string> {
    const script = `find . ! -type d -printf '%p %m %l\\n' | sort; ` +
      "find . -type f -exec sha256sum {} + | sort -k 2";
    const { success, output } = await run("sh", ["-c", script], { cwd: this.folder });
    assertEquals(success, true, output);
    return output;
  }

  /** A copy in another folder, in which hard links are hard links. */
  async copy(folder: string): Promise<System> {
    assertEquals((await run("cp", ["-a", this.folder, folder])).success, true);
    return new System(folder);
  }

  /** Calls an install script, which must end well, and returns what it says. */
  async call(script: string, ...options: string[]): Promise<string> {
    const { success, output } = await run(script, ["--root", this.folder, ...options]);
    assertEquals(success, true, output);
    return output;
  }
}
