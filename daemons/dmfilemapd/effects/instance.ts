/**
 * One daemon for a group. The pid file is locked for life; who finds it locked asks the daemon that holds it.
 *
 * `dmstats update_filemap` starts a daemon whether or not there is one. So where the running one follows the same file in the same
 * way it is told to update at once, and that is all; else it makes way.
 */
import { EAGAIN, Errno } from "../../../ffi/errno.ts";
import {
  closeDescriptor,
  F_UNLCK,
  F_WRLCK,
  makeDirectories,
  O_CLOEXEC,
  O_CREAT,
  O_RDWR,
  openFile,
  setLock,
} from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { pollDescriptor } from "../../../ffi/poll.ts";
import { setUmask } from "../../../ffi/process.ts";
import { askDaemon } from "../../../src/host/control_client.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { PidFile, PidFileBusyError } from "../../../src/host/pidfile.ts";
import type { FollowArguments } from "../arguments.ts";
import { TAKEOVER_STEP_MS, TAKEOVER_WAIT_MS } from "../limits.ts";
import { type InstancePlaces, RUN_DIRECTORY } from "../places.ts";
import type { Identity } from "./file.ts";

/** What two daemons must agree on to be doing the same. */
export function subjectOf({ mode, path }: FollowArguments, { device, inode }: Identity): string {
  return mode === "inode"
    ? `inode ${device}:${inode}`
    : `path ${encodeURIComponent(path.toWellFormed())}`;
}

/** Throws Errno. */
export function makeRunDirectory(): void {
  const mask = setUmask(0o022);
  try {
    makeDirectories(RUN_DIRECTORY, 0o755);
  } finally {
    setUmask(mask);
  }
}

/**
 * Takes the group. Undefined when a running daemon does what this one was to do, and has been told to. Throws ExitError when
 * that one neither does nor makes way, Errno.
 */
export function takeInstance(places: InstancePlaces, subject: string): PidFile | undefined {
  try {
    return PidFile.acquire(places.pidFile);
  } catch (error) {
    if (!(error instanceof PidFileBusyError)) throw error;
  }
  if (ask(places, `follow ${subject}`) === "same") return undefined;
  ask(places, "stop");
  return waitForInstance(places);
}

function ask({ controlSocket }: InstancePlaces, request: string): string {
  try {
    return askDaemon(controlSocket, request).trim();
  } catch (error) {
    // It may be about to end: the wait for its pid file will tell.
    if (error instanceof ExitError) return "";
    throw error;
  }
}

function waitForInstance(places: InstancePlaces): PidFile {
  for (let waitedMs = 0;; waitedMs += TAKEOVER_STEP_MS) {
    try {
      return PidFile.acquire(places.pidFile);
    } catch (error) {
      if (!(error instanceof PidFileBusyError) || waitedMs >= TAKEOVER_WAIT_MS) throw error;
      pollDescriptor(-1, 0, TAKEOVER_STEP_MS);
    }
  }
}

/** Held by one daemon at a time while it changes a device's regions, so that no other's region gets an id that is free for a moment. */
export class DeviceLock {
  readonly #fd: number;

  /** Throws Errno. */
  constructor(path: string) {
    this.#fd = openFile(cString(path), O_RDWR | O_CREAT | O_CLOEXEC, 0o644);
    if (this.#fd < 0) throw new Errno(-this.#fd, "open", path);
  }

  /** Calls `use` with the lock held; undefined, without the call, while another daemon holds it. */
  with<T>(use: () => T): T | undefined {
    if (setLock(this.#fd, F_WRLCK, 0, 1) === -EAGAIN) return undefined;
    try {
      return use();
    } finally {
      setLock(this.#fd, F_UNLCK, 0, 1);
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}
