/** The file that is followed: by an open descriptor, or by its path and open only while it is looked at. */
import { EAGAIN, EMFILE, ENFILE, ENOMEM, Errno, strerror } from "../../../ffi/errno.ts";
import {
  closeDescriptor,
  isRegularFile,
  O_CLOEXEC,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  openFile,
  statDescriptor,
  status,
} from "../../../ffi/file.ts";
import {
  BTRFS_SUPER_MAGIC,
  fileExtents,
  fileSystemType,
  probeNobodyElse,
  probeNoWriter,
} from "../../../ffi/filesystem.ts";
import { cString } from "../../../ffi/memory.ts";
import { encodeFiemap, type ExtentMap, ExtentReader, fiemapBytes } from "../fiemap.ts";
import { EXTENTS_PER_CALL } from "../limits.ts";
import { isDeviceMapper } from "./device.ts";

/** Thrown for a file whose extents cannot be regions; the message is the original's where it has one. */
export class UnfitFileError extends Error {
  override name = "UnfitFileError";
}

/** Which file it is. */
export interface Identity {
  readonly device: number;
  readonly inode: number;
}

/** What an open file is, provided that it can be followed. Throws UnfitFileError, Errno. */
export function identify(fd: number): Identity {
  const result = statDescriptor(fd);
  if (result < 0) throw new Errno(-result, "fstat");
  if (!isRegularFile(status.mode)) throw new UnfitFileError("Not a regular file");
  const identity = { device: status.dev, inode: status.ino };
  if (fileSystemType(fd) === BTRFS_SUPER_MAGIC) {
    throw new UnfitFileError(
      "Cannot map file: btrfs does not provide physical FIEMAP extent data.",
    );
  }
  if (!isDeviceMapper(identity.device)) {
    throw new UnfitFileError("Cannot map file: not a device-mapper device.");
  }
  return identity;
}

const request = new Uint8Array(fiemapBytes(EXTENTS_PER_CALL));
const requestView = new DataView(request.buffer);

/** The extents of an open file. Throws UnfitFileError. */
function readExtents(fd: number): ExtentMap {
  const reader = new ExtentReader();
  for (let start: number | undefined = 0; start !== undefined;) {
    encodeFiemap(requestView, start, EXTENTS_PER_CALL);
    const result = fileExtents(fd, request);
    if (result < 0) throw new UnfitFileError(`Cannot map file: ${strerror(-result)}`);
    start = reader.take(requestView, start);
  }
  return reader.map;
}

/**
 * Whether space behind the file's end is mapped. XFS preallocates it for files that grow, and gives it back without an event
 * (xfs_release, xfs_blockgc_worker).
 */
function reachesBeyondEnd(fd: number, { endBytes }: ExtentMap): boolean {
  if (statDescriptor(fd) < 0) return false;
  const { size, blockSize } = status;
  return endBytes > Math.ceil(size / blockSize) * blockSize;
}

/** Whether somebody may write to the file. Where leases do not work nobody knows, so it is assumed. */
function hasWriter(fd: number): boolean {
  return probeNoWriter(fd) !== 0;
}

export interface Sight {
  readonly map: ExtentMap;
  readonly writer: boolean;
  /** Whether extents may change without an event, though nobody writes. */
  readonly mayMove: boolean;
}

function sightOf(fd: number): Sight {
  const map = readExtents(fd);
  return { map, writer: hasWriter(fd), mayMove: map.shared || reachesBeyondEnd(fd, map) };
}

export interface FollowedFile {
  readonly identity: Identity;
  /** The extents now; undefined where there is no file. Throws UnfitFileError, UnopenedError, Errno. */
  look(): Sight | undefined;
  /** Whether somebody may write. */
  probe(): boolean;
  /** How many names the file has, and whether anybody else has it open. */
  holders(): { links: number; others: boolean };
}

/** Follows an inode by a descriptor that stays open. */
export class InodeFile implements FollowedFile {
  constructor(readonly fd: number, readonly identity: Identity) {}

  look(): Sight {
    return sightOf(this.fd);
  }

  probe(): boolean {
    return hasWriter(this.fd);
  }

  holders(): { links: number; others: boolean } {
    const result = statDescriptor(this.fd);
    const links = result < 0 ? 0 : status.links;
    return { links, others: links === 0 && probeNobodyElse(this.fd) === -EAGAIN };
  }
}

/** What PathFile needs of the watches: its own open is not to be an event. */
export interface FileWatch {
  /** Before the path is opened. */
  renew(): void;
  /** When it has been. */
  set(fd: number): void;
}

/** Errors that say nothing of the file. EAGAIN: it is leased, and the lease is asked back (fs/locks.c, __break_lease). */
const PASSING: ReadonlySet<number> = new Set([EAGAIN, EMFILE, ENFILE, ENOMEM]);

/** The file cannot be opened now, but may be later: what is at the path is not known. */
export class UnopenedError extends Error {
  override name = "UnopenedError";
}

/**
 * Opens the file at a path for reading: its descriptor or −errno. Nothing else is opened: a device may begin to work then, such as a
 * watchdog, and who may change what is at the path need not be one who may do that. Throws UnfitFileError.
 */
function openRegular(path: string): number {
  const place = openFile(cString(path), O_PATH | O_CLOEXEC, 0);
  if (place < 0) return place;
  try {
    const result = statDescriptor(place);
    if (result < 0) return result;
    if (!isRegularFile(status.mode)) throw new UnfitFileError("Not a regular file");
    return openFile(cString(`/proc/self/fd/${place}`), O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  } finally {
    closeDescriptor(place);
  }
}

/** Follows whatever file is at a path. The file is closed between looks, so that it keeps nobody from unmounting. */
export class PathFile implements FollowedFile {
  #identity: Identity;

  constructor(
    private readonly path: string,
    identity: Identity,
    private readonly watch: FileWatch,
  ) {
    this.#identity = identity;
  }

  get identity(): Identity {
    return this.#identity;
  }

  look(): Sight | undefined {
    this.watch.renew();
    const fd = openRegular(this.path);
    if (PASSING.has(-fd)) throw new UnopenedError(strerror(-fd));
    if (fd < 0) return undefined;
    try {
      const found = identify(fd);
      if (found.device !== this.#identity.device) {
        throw new UnfitFileError("Cannot map file: it is on another device than the group");
      }
      this.#identity = found;
      // What happens from here on is an event; what has happened before is seen now.
      this.watch.set(fd);
      return sightOf(fd);
    } finally {
      closeDescriptor(fd);
    }
  }

  /** Not asked: a path is looked at instead. */
  probe(): boolean {
    return true;
  }

  holders(): { links: number; others: boolean } {
    return { links: 1, others: true };
  }
}
