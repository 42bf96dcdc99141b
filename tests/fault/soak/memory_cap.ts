/** A bound on the memory of one process, by a control group of its own; version 1 or 2, whichever the machine has. */

const PLACES = [
  { folder: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes" },
  { folder: "/sys/fs/cgroup", limit: "memory.max" },
] as const;

export class MemoryCap {
  private constructor(private readonly path: string, private readonly limit: string) {}

  /** Undefined where this machine lets nobody make such a group. */
  static make(name: string): MemoryCap | undefined {
    for (const { folder, limit } of PLACES) {
      const path = `${folder}/hostkeep-${Deno.pid}-${name}`;
      try {
        Deno.mkdirSync(path);
      } catch {
        continue;
      }
      const cap = new MemoryCap(path, limit);
      if (cap.isReal()) return cap;
      cap.remove();
    }
    return undefined;
  }

  /** Puts a process under the bound. What it has already stays charged elsewhere. */
  hold(pid: number, bytes: number): void {
    Deno.writeTextFileSync(`${this.path}/${this.limit}`, String(bytes));
    Deno.writeTextFileSync(`${this.path}/cgroup.procs`, String(pid));
  }

  /** Only when the processes in it are gone. */
  remove(): void {
    try {
      Deno.removeSync(this.path);
    } catch {
      // somebody is still in it: it goes with the machine
    }
  }

  private isReal(): boolean {
    try {
      return Deno.statSync(`${this.path}/${this.limit}`).isFile;
    } catch {
      return false;
    }
  }
}
