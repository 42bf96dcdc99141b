/** What a daemon left behind: the files under a directory and the kernel's locks on them. */
import type { Lab } from "./lab.ts";

export interface FileEntry {
  /** Relative to the listed directory; one character a byte. */
  readonly path: string;
  readonly kind: string;
  readonly mode: number;
  readonly size: number;
  readonly links: number;
  /** `MAJOR:MINOR:INODE` as /proc/locks writes it. */
  readonly identity: string;
}

/** One lock as /proc/locks and /proc/PID/fdinfo describe it (proc_locks(5)). */
export interface LockEntry {
  /** POSIX, OFDLCK, FLOCK or LEASE */
  readonly type: string;
  /** READ or WRITE; UNLCK for a lease being broken */
  readonly access: string;
  /** -1 for a lock without a process (OFDLCK) */
  readonly pid: number;
  readonly identity: string;
  /** First byte and last byte, the latter a number or EOF. */
  readonly range: string;
}

const kinds: Readonly<Record<string, string>> = { f: "file", d: "directory", l: "symlink" };

/** Everything below a directory of the lab, sorted by path. find(1), as Deno drops non-UTF-8 names. */
export async function listFiles(lab: Lab, directory: string): Promise<FileEntry[]> {
  const format = "%y %m %s %n %D %i %P\\0";
  const args = [directory, "-mindepth", "1", "-printf", format];
  const { stdout } = await lab.command("find", { args }).output();
  const entries = bytesAsText(stdout).split("\0").slice(0, -1).map(parseEntry);
  return entries.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** One character a byte. */
function bytesAsText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function parseEntry(text: string): FileEntry {
  const [type, mode, size, links, device, inode, ...path] = text.split(" ");
  return {
    path: path.join(" "),
    kind: kinds[type] ?? "other",
    mode: parseInt(mode, 8),
    size: type === "f" ? Number(size) : 0,
    links: Number(links),
    identity: identityOf(BigInt(device), inode),
  };
}

/** Splits st_dev as glibc's gnu_dev_major and gnu_dev_minor do. */
function identityOf(device: bigint, inode: string | number): string {
  const major = (device >> 8n) & 0xfffn;
  const minor = (device & 0xffn) | ((device >> 12n) & 0xfff00n);
  const hex = (value: bigint): string => value.toString(16).padStart(2, "0");
  return `${hex(major)}:${hex(minor)}:${inode}`;
}

export async function fileIdentity(path: string): Promise<string | undefined> {
  const info = await Deno.stat(path).catch(() => undefined);
  return info && identityOf(BigInt(info.dev), info.ino ?? 0);
}

/**
 * The locks one process holds, from the fdinfo of its descriptors (proc_pid_fdinfo(5)). /proc/locks
 * has them too, but is read in pieces between which other processes change it, so that entries are
 * seen twice or not at all.
 */
export async function locksOf(pid: number): Promise<LockEntry[]> {
  const lines = new Set<string>();
  for (const { name } of await Array.fromAsync(Deno.readDir(`/proc/${pid}/fdinfo`))) {
    const info = await Deno.readTextFile(`/proc/${pid}/fdinfo/${name}`).catch(() => "");
    for (const [, line] of info.matchAll(/^lock:\s+\d+: (.*)$/gm)) lines.add(line);
  }
  return [...lines].map(parseLock);
}

/** A descriptor shows every lock of its process on its inode, so equal lines are one lock. */
function parseLock(line: string): LockEntry {
  const [type, , access, pid, identity, from, to] = line.split(/\s+/);
  return { type, access, pid: Number(pid), identity, range: `${from}-${to}` };
}
