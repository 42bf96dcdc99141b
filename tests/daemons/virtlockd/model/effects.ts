/** Does to the model's files what the lock machine asks for, in the way of the daemon's effects/lease_files.ts. */
import {
  type HeldInode,
  isAutocreated,
  isShared,
  type LockTable,
  type Removal,
  resourcePath,
} from "../../../../daemons/virtlockd/lockspace.ts";
import type { Outcome, Work } from "../../../../daemons/virtlockd/machine.ts";
import { EAGAIN, ENOENT, type ModelFiles } from "./files.ts";

function outcome(result: Outcome["result"], errno = 0): Outcome {
  return { result, fd: -1, dev: 0, ino: 0, errno, reason: `errno ${errno}` };
}

function locked(fd: number, { dev, ino }: { dev: number; ino: number }): Outcome {
  return { ...outcome("locked"), fd, dev, ino };
}

export class ModelEffects {
  constructor(private readonly files: ModelFiles, private readonly table: LockTable) {}

  perform(work: Work): Outcome {
    switch (work.step) {
      case "makeLockspace":
        return this.#makeLockspace(work.path);
      case "createFile":
        return this.#createFile(work.path);
      case "deleteFile":
        return this.#deleteFile(work.path);
      case "lockFile":
        return this.#lockFile(work);
      default:
        throw new Error("a reply is no file operation");
    }
  }

  #makeLockspace(path: string): Outcome {
    const found = this.files.entry(path);
    if (found !== undefined) return outcome(found.isDirectory ? "done" : "notDirectory");
    const errno = this.files.makeDirectory(path);
    return errno === 0 ? outcome("done") : outcome("failed", errno);
  }

  /** The held inode at a path, if stat tells. */
  #heldAt(path: string): HeldInode | undefined {
    const found = this.files.stat(path);
    return typeof found === "number" ? undefined : this.table.held(found.dev, found.ino);
  }

  #createFile(path: string): Outcome {
    if (this.#heldAt(path) !== undefined) return outcome("done");
    const fd = this.files.open(path, true);
    if (fd < 0) return outcome("openFailed", -fd);
    const inode = this.files.fstat(fd);
    const held = typeof inode === "number" ? undefined : this.table.held(inode.dev, inode.ino);
    if (held === undefined) this.files.close(fd);
    else held.parked.push(fd);
    return outcome("done");
  }

  #deleteFile(path: string): Outcome {
    if (this.#heldAt(path) !== undefined) return outcome("busy");
    const result = this.files.unlink(path);
    return result === 0 || result === -ENOENT ? outcome("done") : outcome("failed", -result);
  }

  #lockFile({ path, shared, autocreate }: Work): Outcome {
    const held = this.#heldAt(path);
    if (held !== undefined) return this.#joinHeld(held, shared);
    const fd = this.files.open(path, autocreate);
    if (fd < 0) return outcome("openFailed", -fd);
    return this.#lockOpened(fd, shared);
  }

  #joinHeld(held: HeldInode, shared: boolean): Outcome {
    const [first] = held.resources;
    if (!shared || !isShared(first)) return outcome("busy");
    const fd = this.files.duplicate(first.fd);
    return fd < 0 ? outcome("openFailed", -fd) : locked(fd, held);
  }

  #lockOpened(fd: number, shared: boolean): Outcome {
    const inode = this.files.fstat(fd);
    if (typeof inode === "number") {
      this.files.close(fd);
      return outcome("statFailed", -inode);
    }
    const held = this.table.held(inode.dev, inode.ino);
    if (held !== undefined) {
      held.parked.push(fd);
      return this.#joinHeld(held, shared);
    }
    const result = this.files.setLock(fd, shared ? "r" : "w");
    if (result === 0) return locked(fd, inode);
    this.files.close(fd);
    return result === -EAGAIN ? outcome("busy") : outcome("lockFailed", -result);
  }

  /** Lets the file of a resource go. */
  drop({ resource, close }: Removal): void {
    if (close.length === 0) return;
    const isMine = isAutocreated(resource) &&
      (!isShared(resource) || this.files.setLock(resource.fd, "w") === 0);
    if (isMine) this.files.unlink(resourcePath(resource));
    for (const fd of close) this.files.close(fd);
  }
}
