/**
 * The table of lockspaces, resources and owners. Pure: it knows descriptors and inodes as numbers only.
 *
 * A POSIX record lock belongs to a process and an inode, and closing *any* descriptor of that inode drops it. So the table
 * also knows which inodes are held, through however many names: a descriptor of a held inode is never closed but parked,
 * until the last resource on the inode goes.
 */
import type { ByteString } from "../../src/wire/bytes.ts";
import { AUTOCREATE, SHARED } from "./lock_protocol.ts";

/** A file that this process holds a lock on. */
export interface HeldInode {
  readonly dev: number;
  readonly ino: number;
  readonly resources: Resource[];
  /** Descriptors of the inode that wait for its last resource to go. */
  readonly parked: number[];
}

/** One locked resource. */
export interface Resource {
  readonly lockspace: Lockspace;
  readonly name: ByteString;
  readonly fd: number;
  /** Flags of the first acquire: they alone decide about sharing and deletion. */
  readonly flags: number;
  /** Process ids, one entry for each grant. */
  readonly owners: number[];
  readonly inode: HeldInode;
  /** When it was first granted, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/** What to do with the file of a resource that has just left the table. */
export interface Removal {
  readonly resource: Resource;
  /** Descriptors to close, and so to unlock; empty while the inode is held under another name. */
  readonly close: readonly number[];
}

/** A directory of lease files; the default lockspace has the directory "" and full paths as resource names. */
export class Lockspace {
  readonly resources = new Map<ByteString, Resource>();
  constructor(readonly directory: ByteString) {}

  /** The file behind a resource name. */
  pathOf(name: ByteString): ByteString {
    return this.directory === "" ? name : `${this.directory}/${name}`;
  }
}

export function isShared(resource: Resource): boolean {
  return (resource.flags & SHARED) !== 0;
}

export function isAutocreated(resource: Resource): boolean {
  return (resource.flags & AUTOCREATE) !== 0;
}

export function resourcePath(resource: Resource): ByteString {
  return resource.lockspace.pathOf(resource.name);
}

/** Removes a value from a list wherever it is, in one pass: a process can have been granted one lock a million times. */
function takeOut(list: number[], value: number): void {
  let kept = 0;
  for (const item of list) if (item !== value) list[kept++] = item;
  list.length = kept;
}

export class LockTable {
  readonly default = new Lockspace("");
  /** Lockspaces by directory, in the order they were made. None is ever removed. */
  readonly named = new Map<ByteString, Lockspace>();
  readonly #inodes = new Map<number, Map<number, HeldInode>>();
  #count = 0;

  /** How many resources are locked. */
  get size(): number {
    return this.#count;
  }

  /** The lockspace of a directory, "" being the default one. */
  find(directory: ByteString): Lockspace | undefined {
    return directory === "" ? this.default : this.named.get(directory);
  }

  /** Adds a lockspace, which must not be there yet. */
  add(directory: ByteString): Lockspace {
    const lockspace = new Lockspace(directory);
    this.named.set(directory, lockspace);
    return lockspace;
  }

  /** All lockspaces in the order in which the original searches them: the default one last. */
  *lockspaces(): Generator<Lockspace> {
    yield* this.named.values();
    yield this.default;
  }

  *resources(): Generator<Resource> {
    for (const lockspace of this.lockspaces()) yield* lockspace.resources.values();
  }

  /** The held inode of this identity, if any. */
  held(dev: number, ino: number): HeldInode | undefined {
    return this.#inodes.get(dev)?.get(ino);
  }

  *inodes(): Generator<HeldInode> {
    for (const byInode of this.#inodes.values()) yield* byInode.values();
  }

  #hold(dev: number, ino: number): HeldInode {
    let byInode = this.#inodes.get(dev);
    if (byInode === undefined) this.#inodes.set(dev, byInode = new Map());
    let inode = byInode.get(ino);
    if (inode === undefined) byInode.set(ino, inode = { dev, ino, resources: [], parked: [] });
    return inode;
  }

  /** Enters a granted lock whose file has this identity. */
  insert(
    lockspace: Lockspace,
    name: ByteString,
    grant: { fd: number; dev: number; ino: number; flags: number; sinceMs: number },
    owners: number[],
  ): Resource {
    const inode = this.#hold(grant.dev, grant.ino);
    const { fd, flags, sinceMs } = grant;
    const resource: Resource = { lockspace, name, fd, flags, owners, inode, sinceMs };
    inode.resources.push(resource);
    lockspace.resources.set(name, resource);
    this.#count++;
    return resource;
  }

  /** Takes one grant from a process; the removal when it was the last one. The process must have one. */
  releaseOne(resource: Resource, pid: number): Removal | undefined {
    resource.owners.splice(resource.owners.indexOf(pid), 1);
    return resource.owners.length === 0 ? this.#remove(resource) : undefined;
  }

  /** Takes every grant from a process, everywhere. */
  releaseAll(pid: number): Removal[] {
    const removals: Removal[] = [];
    for (const resource of [...this.resources()].filter(({ owners }) => owners.includes(pid))) {
      takeOut(resource.owners, pid);
      if (resource.owners.length === 0) removals.push(this.#remove(resource));
    }
    return removals;
  }

  /** Removes everything, as the daemon does when it ends. */
  clear(): Removal[] {
    return [...this.resources()].map((resource) => this.#remove(resource));
  }

  /** Whether a process holds anything. */
  isHolder(pid: number): boolean {
    for (const resource of this.resources()) {
      if (resource.owners.includes(pid)) return true;
    }
    return false;
  }

  #remove(resource: Resource): Removal {
    const { inode } = resource;
    resource.lockspace.resources.delete(resource.name);
    inode.resources.splice(inode.resources.indexOf(resource), 1);
    this.#count--;
    if (inode.resources.length > 0) {
      inode.parked.push(resource.fd);
      return { resource, close: [] };
    }
    this.#inodes.get(inode.dev)?.delete(inode.ino);
    return { resource, close: [resource.fd, ...inode.parked] };
  }
}

function resourceViolations(resource: Resource): string[] {
  const violations: string[] = [];
  const { owners, inode } = resource;
  if (owners.length === 0) violations.push("has no owner");
  if (!inode.resources.includes(resource)) violations.push("is not on its inode");
  if (isShared(resource)) return violations;
  if (owners.length > 1) violations.push(`is exclusive and has ${owners.length} owners`);
  if (inode.resources.length > 1) violations.push("is exclusive and shares its inode");
  return violations;
}

/** What must hold after every step; the violations, in words. */
export function tableViolations(table: LockTable): string[] {
  const resources = [...table.resources()];
  const violations = resources.flatMap((resource) =>
    resourceViolations(resource).map((what) => `"${resource.name}" ${what}`)
  );
  const parked = [...table.inodes()].flatMap((inode) => inode.parked);
  const descriptors = [...resources.map((resource) => resource.fd), ...parked];
  if (new Set(descriptors).size !== descriptors.length) {
    violations.push("a descriptor is used twice");
  }
  if (resources.length !== table.size) violations.push(`size ${table.size} is wrong`);
  return violations;
}
