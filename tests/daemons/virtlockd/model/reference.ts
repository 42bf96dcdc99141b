/**
 * The lock service once more, as simply as it can be said: a list of locks, walked through for every question. Written from
 * the description of libvirt's virtlockd 9.0.0, not from the daemon's code.
 */
import type { Fault, Inode, ModelFiles } from "./files.ts";

export interface Lock {
  readonly directory: string;
  readonly name: string;
  readonly path: string;
  readonly flags: number;
  readonly owners: number[];
  /** Unknown until the file has been made. */
  inode: Inode | undefined;
}

/** A connection: whom it speaks for, and whether it may still ask. */
export interface Connection {
  owner: number | undefined;
  restricted: boolean;
}

export interface Call {
  readonly procedure: number;
  readonly path: string;
  readonly name: string;
  readonly flags: number;
  readonly ownerId: number;
  readonly ownerPid: number;
}

const NAMES = [
  "",
  "Register",
  "Restrict",
  "New",
  "CreateResource",
  "DeleteResource",
  "AcquireResource",
  "ReleaseResource",
  "CreateLockspace",
];
const SHARED = 1;
const AUTOCREATE = 2;

const OK = "ok";
const RESTRICTED = "29/7 operation forbidden: lock manager connection has been restricted";
const UNREGISTERED =
  "55/7 Requested operation is not valid: lock owner details have not been registered";

function isLocked(name: string): string {
  return `87/51 resource busy: Lockspace resource '${name}' is locked`;
}

function systemError(domain: number, what: string, errno: number): string {
  return `38/${domain} ${what}: errno ${errno}, int1 ${errno}`;
}

export class Reference {
  /** In the order in which they were made. */
  readonly directories: string[] = [];
  locks: Lock[] = [];
  /** The names of the files that should be there. */
  readonly names: Set<string>;

  constructor(private readonly files: ModelFiles) {
    this.names = new Set(files.names);
  }

  isHolder(pid: number): boolean {
    return this.locks.some(({ owners }) => owners.includes(pid));
  }

  /** The reply to a call, as text. The files are looked at as they are before it. */
  answer(connection: Connection, call: Call, fault: Fault | undefined): string {
    const allowed = call.procedure === 6 ? SHARED | AUTOCREATE : 0;
    const bad = (call.flags & ~allowed) >>> 0;
    if (bad !== 0 && call.procedure !== 8) {
      const where = `virLockSpaceProtocolDispatch${NAMES[call.procedure]}`;
      return `8/7 unsupported flags (0x${bad.toString(16)}) in function ${where}`;
    }
    if (connection.restricted) return RESTRICTED;
    if (call.procedure === 1) return this.#register(connection, call);
    if (call.procedure === 8) return this.#makeLockspace(call, fault, true);
    if (connection.owner === undefined) return UNREGISTERED;
    if (call.procedure === 2) {
      connection.restricted = true;
      return OK;
    }
    if (call.procedure === 3) return this.#makeLockspace(call, fault, false);
    return this.#inLockspace(connection.owner, call, fault);
  }

  #register(connection: Connection, { ownerId, ownerPid }: Call): string {
    if (ownerId === 0) return UNREGISTERED;
    connection.owner = ownerPid;
    return OK;
  }

  #makeLockspace({ path }: Call, fault: Fault | undefined, mayExist: boolean): string {
    if (path === "") {
      return mayExist
        ? OK
        : "55/7 Requested operation is not valid: the default lockspace already exists";
    }
    if (this.directories.includes(path)) {
      return mayExist ? OK : `1/7 internal error: Lockspace for path ${path} already exists`;
    }
    const found = this.files.entry(path);
    if (found !== undefined && !found.isDirectory) {
      return `1/51 internal error: Lockspace location ${path} exists, but is not a directory`;
    }
    const errno = found !== undefined ? 0 : this.#directoryError(path, fault);
    if (errno !== 0) return systemError(51, `Unable to create lockspace ${path}`, errno);
    this.directories.push(path);
    return OK;
  }

  #directoryError(path: string, fault: Fault | undefined): number {
    if (fault?.call === "mkdir") return fault.errno;
    const name = this.files.nameOf(path);
    if (name.startsWith("/denied/")) return 13;
    return this.files.names.some((file) => name.startsWith(`${file}/`)) ? 20 : 0;
  }

  #inLockspace(pid: number, call: Call, fault: Fault | undefined): string {
    const { path: directory, name } = call;
    if (directory !== "" && !this.directories.includes(directory)) {
      return `1/7 internal error: Lockspace for path ${directory} does not exist`;
    }
    const path = directory === "" ? name : `${directory}/${name}`;
    const lock = this.locks.find((one) => one.directory === directory && one.name === name);
    if (call.procedure === 6) return this.#acquire(pid, call, path, lock, fault);
    if (call.procedure === 7) return this.#release(pid, name, lock, fault);
    if (lock !== undefined) return isLocked(name);
    return call.procedure === 4 ? this.#create(path, fault) : this.#delete(name, path, fault);
  }

  #holding(inode: Inode | undefined): Lock[] {
    return inode === undefined ? [] : this.locks.filter((lock) => lock.inode === inode);
  }

  #create(path: string, fault: Fault | undefined): string {
    const isHeld = this.#holding(this.files.entry(path)).length > 0;
    // A file that is locked by another name is there, which is all that is asked; it may not even be opened.
    if (isHeld && fault?.call !== "stat") return OK;
    const errno = this.#openError(path, true, fault);
    if (errno !== 0) return systemError(0, `cannot create file '${path}'`, errno);
    this.names.add(this.files.nameOf(path));
    return OK;
  }

  #openError(path: string, create: boolean, fault: Fault | undefined): number {
    return fault?.call === "open" ? fault.errno : this.files.openError(path, create);
  }

  #delete(name: string, path: string, fault: Fault | undefined): string {
    const isHeld = this.#holding(this.files.entry(path)).length > 0;
    // Locked by another name: without the file, this one could be locked once more.
    if (isHeld && fault?.call !== "stat") return isLocked(name);
    if (fault?.call === "unlink") {
      return systemError(51, `Unable to delete lockspace resource ${path}`, fault.errno);
    }
    this.names.delete(this.files.nameOf(path));
    return OK;
  }

  #acquire(
    pid: number,
    { path: directory, name, flags }: Call,
    path: string,
    lock: Lock | undefined,
    fault: Fault | undefined,
  ): string {
    const isShared = (flags & SHARED) !== 0;
    if (lock !== undefined) {
      if (!isShared || (lock.flags & SHARED) === 0) return isLocked(name);
      lock.owners.push(pid);
      return OK;
    }
    const inode = this.files.entry(path);
    const holding = this.#holding(inode);
    const error = holding.length > 0
      ? this.#joinError(name, flags, path, holding, fault)
      : this.#lockError(name, flags, path, inode, fault);
    if (error === undefined) {
      this.locks.push({ directory, name, path, flags, owners: [pid], inode });
    }
    return error ?? OK;
  }

  /** The file is locked already, by other names. */
  #joinError(
    name: string,
    flags: number,
    path: string,
    holding: readonly Lock[],
    fault: Fault | undefined,
  ): string | undefined {
    const allShared = [...holding, { flags }].every((one) => (one.flags & SHARED) !== 0);
    if (!allShared) return isLocked(name);
    if (fault?.call !== "duplicate") return undefined;
    return systemError(51, `Unable to ${openingWords(flags)} resource ${path}`, fault.errno);
  }

  #lockError(
    name: string,
    flags: number,
    path: string,
    inode: Inode | undefined,
    fault: Fault | undefined,
  ): string | undefined {
    const isCreating = (flags & AUTOCREATE) !== 0;
    const errno = this.#openError(path, isCreating, fault);
    if (errno !== 0) {
      return systemError(51, `Unable to ${openingWords(flags)} resource ${path}`, errno);
    }
    if (isCreating) this.names.add(this.files.nameOf(path));
    if (fault?.call === "fstat") {
      return systemError(51, `Unable to check status of pid file '${path}'`, fault.errno);
    }
    if (fault?.call === "lock") {
      return systemError(51, `Unable to acquire lock on '${path}'`, fault.errno);
    }
    const type = (flags & SHARED) !== 0 ? "r" : "w";
    return inode !== undefined && this.files.conflicts(inode, type) ? isLocked(name) : undefined;
  }

  #release(pid: number, name: string, lock: Lock | undefined, fault: Fault | undefined): string {
    if (lock === undefined) {
      return `87/51 resource busy: Lockspace resource '${name}' is not locked`;
    }
    if (!lock.owners.includes(pid)) {
      return `1/51 internal error: owner ${pid} does not hold the resource lock`;
    }
    lock.owners.splice(lock.owners.indexOf(pid), 1);
    if (lock.owners.length === 0) this.#drop(lock, fault);
    return OK;
  }

  /** The last owner has gone. The file goes, too, if it was made for the lock and nobody else has one on it. */
  #drop(lock: Lock, fault?: Fault): void {
    this.locks = this.locks.filter((other) => other !== lock);
    if ((lock.flags & AUTOCREATE) === 0 || this.#holding(lock.inode).length > 0) return;
    const isShared = (lock.flags & SHARED) !== 0;
    const inode = lock.inode as Inode;
    if (isShared && (fault?.call === "lock" || this.files.conflicts(inode, "w"))) return;
    if (fault?.call !== "unlink") this.names.delete(this.files.nameOf(lock.path));
  }

  /** A process is dead: all that it held goes, the default lockspace's locks last. */
  dies(pid: number): void {
    for (const directory of [...this.directories, ""]) {
      for (const lock of this.locks.filter((one) => one.directory === directory)) {
        const others = lock.owners.filter((owner) => owner !== pid);
        if (others.length === lock.owners.length) continue;
        lock.owners.splice(0, lock.owners.length, ...others);
        if (others.length === 0) this.#drop(lock);
      }
    }
  }

  /** Learns the files of locks that were made for them. */
  settle(): void {
    for (const lock of this.locks) lock.inode ??= this.files.entry(lock.path);
  }
}

function openingWords(flags: number): string {
  return (flags & AUTOCREATE) !== 0 ? "open/create" : "open";
}
