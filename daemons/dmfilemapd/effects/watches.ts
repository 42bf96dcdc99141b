/**
 * What wakes the daemon: the file, the folders on the way to it, and the use of device-mapper by others.
 *
 * Every dmstats and dmsetup opens /dev/mapper/control and closes it at its end. We keep ours open, so a close is always somebody
 * else's: it is how the end of a group is noticed, for which the kernel has no event.
 */
import { CONTROL_NODE } from "../../../ffi/devicemapper.ts";
import { Errno } from "../../../ffi/errno.ts";
import {
  IN_ATTRIB,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_OPEN,
  IN_Q_OVERFLOW,
  IN_UNMOUNT,
  Inotify,
  type InotifyEvent,
} from "../../../ffi/inotify.ts";
import { type ByteString, fromReversibleText, toReversibleText } from "../../../src/wire/bytes.ts";
import type { Event } from "../machine.ts";
import type { FileWatch } from "./file.ts";

const FILE = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_OPEN | IN_MOVE_SELF | IN_DELETE_SELF;
const FOLDER = IN_MOVE_SELF | IN_DELETE_SELF;
const ENTRIES = FOLDER | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE;
const MOVED = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED;

type InputType = "changed" | "opened" | "closed" | "moved" | "controlUsed";

export class Watches implements FileWatch {
  readonly #inotify = new Inotify();
  #control = -1;
  #file = -1;
  #parent = -1;
  readonly #folders = new Set<number>();
  #path: ByteString = "";
  /** A folder on the way to the path has moved: what is watched may not be what leads there. */
  #isAstray = false;
  readonly #seen = new Set<InputType>();
  #isUsed = false;

  /** For epoll; readable when there is something to read(). */
  get fd(): number {
    return this.#inotify.fd;
  }

  /** Begins to watch device-mapper's use; 0 or −errno. */
  watchControl(): number {
    this.#control = this.#inotify.add(CONTROL_NODE, IN_CLOSE_WRITE | IN_CLOSE_NOWRITE);
    return Math.min(this.#control, 0);
  }

  /** Begins to watch what becomes of a path: the entry, and the names of the folders above. Throws Errno. */
  watchPath(path: string): void {
    this.#path = fromReversibleText(path);
    this.#watchFolders();
  }

  /** Throws Errno. */
  #watchFolders(): void {
    const path = this.#path;
    const former = [...this.#folders, this.#parent].filter((watch) => watch >= 0);
    this.#folders.clear();
    this.#parent = -1;
    const slash = path.lastIndexOf("/");
    try {
      for (
        let end = path.indexOf("/", 1);
        end > 0 && end < slash;
        end = path.indexOf("/", end + 1)
      ) {
        this.#folders.add(this.#added(path.slice(0, end), FOLDER));
      }
      this.#parent = this.#added(path.slice(0, Math.max(slash, 1)), ENTRIES);
    } finally {
      for (const watch of former) {
        if (watch !== this.#parent && !this.#folders.has(watch)) this.#inotify.remove(watch);
      }
    }
  }

  #added(path: ByteString, mask: number): number {
    const watch = this.#inotify.add(path, mask);
    if (watch < 0) throw new Errno(-watch, "inotify_add_watch", toReversibleText(path));
    return watch;
  }

  /** Watches an open file, and nothing but it. Throws Errno. */
  set(fd: number): void {
    this.#file = this.#added(`/proc/self/fd/${fd}`, FILE);
  }

  /** Tells of readers that close the file from now on, too. Throws Errno. */
  setWithReaders(fd: number): void {
    this.#file = this.#added(`/proc/self/fd/${fd}`, FILE | IN_CLOSE_NOWRITE);
  }

  /**
   * Before the path is opened: ends the watch on the file, of which no more is heard, and watches the folders that lead there now
   * if one has moved. While there are none, nothing tells of a file.
   */
  renew(): void {
    if (this.#file >= 0) this.#inotify.remove(this.#file);
    this.#file = -1;
    if (!this.#isAstray) return;
    try {
      this.#watchFolders();
      this.#isAstray = false;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
  }

  /** Whether read() has something to give that the descriptor does not tell of. */
  get hasMore(): boolean {
    return this.#seen.size > 0;
  }

  /** What has happened since the last call, each kind once. */
  read(): Event[] {
    this.#drain();
    const types = [...this.#seen];
    this.#seen.clear();
    return types.map((type) => ({ type }));
  }

  /** Whether others have used device-mapper since the last call; true where that cannot be told. */
  takeUse(): boolean {
    this.#drain();
    const isUsed = this.#isUsed || this.#control < 0;
    this.#isUsed = false;
    return isUsed;
  }

  #drain(): void {
    for (let some = this.#inotify.read(); some.length > 0; some = this.#inotify.read()) {
      for (const event of some) for (const type of this.#typesOf(event)) this.#seen.add(type);
    }
  }

  #typesOf({ watch, mask, name }: InotifyEvent): InputType[] {
    if ((mask & IN_Q_OVERFLOW) !== 0) {
      this.#isAstray = this.#isUsed = true;
      return ["changed", "moved", "controlUsed", "opened", "closed"];
    }
    if (watch === this.#control) {
      this.#isUsed = true;
      return ["controlUsed"];
    }
    if (watch === this.#file) return fileTypes(mask);
    if (watch === this.#parent && name !== "") {
      return this.#path.endsWith(`/${name}`) ? ["moved"] : [];
    }
    if (watch !== this.#parent && !this.#folders.has(watch)) return [];
    this.#isAstray = true;
    return ["moved"];
  }

  close(): void {
    this.#inotify.close();
  }
}

function fileTypes(mask: number): InputType[] {
  const types: InputType[] = [];
  if ((mask & (IN_MODIFY | IN_CLOSE_WRITE)) !== 0) types.push("changed");
  if ((mask & IN_OPEN) !== 0) types.push("opened");
  if ((mask & (IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)) !== 0) types.push("closed");
  if ((mask & MOVED) !== 0) types.push("moved");
  return types;
}
