/**
 * Files, descriptors and record locks as a POSIX kernel has them, in memory: enough of them to play what the lock machine
 * asks for. Calls return −errno as the kernel does. What no program may do, such as closing a descriptor twice, throws.
 */

export const ENOENT = 2;
export const EACCES = 13;
export const EAGAIN = 11;
export const EISDIR = 21;
export const ENOTDIR = 20;

export interface Inode {
  readonly dev: number;
  readonly ino: number;
  readonly isDirectory: boolean;
}

/** A shared or an exclusive record lock. */
export type LockType = "r" | "w";

/** A system call that is to fail, once. */
export type FaultyCall = "stat" | "open" | "fstat" | "duplicate" | "lock" | "unlink" | "mkdir";
export interface Fault {
  readonly call: FaultyCall;
  readonly errno: number;
}

const FIRST_DESCRIPTOR = 10;
/** Nothing can be made or opened below this directory. */
const DENIED = "/denied";

/** What there is in the beginning. Two names of one file, one name in two devices, and a directory by another name. */
const DIRECTORIES = ["/", "/cwd", "/a", "/mnt", DENIED];
const SYMLINKS: Readonly<Record<string, string>> = { "/b": "/a" };
const FILES: readonly (readonly string[])[] = [["/a/y"], ["/f"], ["/img", "/link", "/a/img"]];
const OTHER_DEVICE_FILE = "/mnt/img";

export class ModelFiles {
  /** The call that fails next. */
  fault: Fault | undefined;
  readonly #directories = new Set(DIRECTORIES);
  readonly #files = new Map<string, Inode>();
  readonly #descriptors: (Inode | undefined)[] = [];
  readonly #ours = new Map<Inode, LockType>();
  readonly #others = new Map<Inode, LockType>();
  #nextIno = 1;

  constructor() {
    for (const names of FILES) {
      const inode = this.#newInode();
      for (const name of names) this.#files.set(name, inode);
    }
    const { ino } = this.#files.get("/img") as Inode;
    this.#files.set(OTHER_DEVICE_FILE, { dev: 2, ino, isDirectory: false });
  }

  #newInode(): Inode {
    return { dev: 1, ino: this.#nextIno++, isDirectory: false };
  }

  /** The one name of a path, without dots, doubled slashes and symbolic links. */
  nameOf(path: string): string {
    const parts: string[] = [];
    for (const part of (path.startsWith("/") ? path : `/cwd/${path}`).split("/")) {
      if (part === "..") parts.pop();
      else if (part !== "" && part !== ".") parts.push(part);
      const link = SYMLINKS[`/${parts.join("/")}`];
      if (link !== undefined) parts.splice(0, parts.length, link.slice(1));
    }
    return `/${parts.join("/")}`;
  }

  /** The names of all files. */
  get names(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** What is at a path, without any fault. */
  entry(path: string): Inode | undefined {
    if (path === "") return undefined;
    const name = this.nameOf(path);
    if (this.#directories.has(name)) return { dev: 1, ino: 0, isDirectory: true };
    return this.#files.get(name);
  }

  /** Why a path cannot be opened for writing, as an errno, or 0. */
  openError(path: string, create: boolean): number {
    if (path === "") return ENOENT;
    const name = this.nameOf(path);
    if (name.startsWith(`${DENIED}/`)) return EACCES;
    if (this.#directories.has(name)) return EISDIR;
    const parent = name.slice(0, Math.max(1, name.lastIndexOf("/")));
    if (this.#files.has(parent)) return ENOTDIR;
    return this.#files.has(name) || (create && this.#directories.has(parent)) ? 0 : ENOENT;
  }

  #fails(call: FaultyCall): number {
    if (this.fault?.call !== call) return 0;
    const { errno } = this.fault;
    this.fault = undefined;
    return errno;
  }

  stat(path: string): Inode | number {
    const errno = this.#fails("stat");
    return errno === 0 ? this.entry(path) ?? -ENOENT : -errno;
  }

  open(path: string, create: boolean): number {
    const errno = this.#fails("open") || this.openError(path, create);
    if (errno !== 0) return -errno;
    const name = this.nameOf(path);
    const inode = this.#files.get(name) ?? this.#newInode();
    this.#files.set(name, inode);
    return this.#describe(inode);
  }

  /** The lowest number that is free, as the kernel gives it. */
  #describe(inode: Inode): number {
    let fd = FIRST_DESCRIPTOR;
    while (this.#descriptors[fd] !== undefined) fd++;
    this.#descriptors[fd] = inode;
    return fd;
  }

  #opened(fd: number): Inode {
    const inode = this.#descriptors[fd];
    if (inode === undefined) throw new Error(`descriptor ${fd} is not open`);
    return inode;
  }

  fstat(fd: number): Inode | number {
    const inode = this.#opened(fd);
    const errno = this.#fails("fstat");
    return errno === 0 ? inode : -errno;
  }

  duplicate(fd: number): number {
    const inode = this.#opened(fd);
    const errno = this.#fails("duplicate");
    return errno === 0 ? this.#describe(inode) : -errno;
  }

  /** fcntl(F_SETLK) of this process. */
  setLock(fd: number, type: LockType): number {
    const inode = this.#opened(fd);
    const errno = this.#fails("lock") || (this.conflicts(inode, type) ? EAGAIN : 0);
    if (errno !== 0) return -errno;
    this.#ours.set(inode, type);
    return 0;
  }

  /** Closing any descriptor of a file drops the process's lock on it (fcntl(2)). */
  close(fd: number): void {
    this.#ours.delete(this.#opened(fd));
    this.#descriptors[fd] = undefined;
  }

  unlink(path: string): number {
    const errno = this.#fails("unlink");
    if (errno !== 0) return -errno;
    return this.#files.delete(this.nameOf(path)) ? 0 : -ENOENT;
  }

  /** Makes a directory with its parents; an errno, or 0. What is there already is for the caller to see. */
  makeDirectory(path: string): number {
    const errno = this.#fails("mkdir");
    const name = this.nameOf(path);
    if (errno !== 0) return errno;
    if (name.startsWith(`${DENIED}/`)) return EACCES;
    for (let at = name.indexOf("/", 1); at > 0; at = name.indexOf("/", at + 1)) {
      if (this.#files.has(name.slice(0, at))) return ENOTDIR;
    }
    for (let at = name.indexOf("/", 1); at > 0; at = name.indexOf("/", at + 1)) {
      this.#directories.add(name.slice(0, at));
    }
    this.#directories.add(name);
    return 0;
  }

  /** Whether another process's lock keeps this one from locking a file so. */
  conflicts(inode: Inode, type: LockType): boolean {
    const other = this.#others.get(inode);
    return other !== undefined && (other === "w" || type === "w");
  }

  /** Another process locks a file, if it can. */
  lockElsewhere(path: string, type: LockType): void {
    const inode = this.#files.get(path);
    if (inode === undefined) return;
    const ours = this.#ours.get(inode);
    if (ours === undefined || (ours === "r" && type === "r")) this.#others.set(inode, type);
  }

  unlockElsewhere(path: string): void {
    const inode = this.#files.get(path);
    if (inode !== undefined) this.#others.delete(inode);
  }

  /** Another process makes a file, or leaves the one that is there. */
  makeElsewhere(path: string): void {
    if (!this.#files.has(path)) this.#files.set(path, this.#newInode());
  }

  removeElsewhere(path: string): void {
    this.#files.delete(path);
  }

  /** This process's locks. */
  get locks(): ReadonlyMap<Inode, LockType> {
    return this.#ours;
  }

  /** This process's descriptors, in ascending order. */
  get descriptors(): number[] {
    return [...this.#descriptors.keys()].filter((fd) => this.#descriptors[fd] !== undefined);
  }
}
