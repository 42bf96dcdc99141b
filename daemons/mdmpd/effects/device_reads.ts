/** Reading blocks of many devices at once, past every cache, none of them waiting for another. For children only: see ffi/aio.ts. */
import { Aio, BLOCK_BYTES, DirectBuffer, O_DIRECT } from "../../../ffi/aio.ts";
import { strerror } from "../../../ffi/errno.ts";
import {
  closeDescriptor,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  openFile,
  statDescriptor,
  status,
} from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { nodeOf } from "../paths.ts";
import type { DeviceRef } from "../tester_protocol.ts";
import { offlineReason } from "./hardware.ts";

export interface BlockRead {
  readonly of: DeviceRef;
  /** Bytes, a multiple of BLOCK_BYTES. */
  readonly offset: number;
}

/** `hung`: no answer in time. */
export interface BlockFailure {
  readonly failure: string;
  readonly hung: boolean;
}

export interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type BlockResult = Block | BlockFailure;

export function isBlock(result: BlockResult): result is Block {
  return "bytes" in result;
}

/** `8:16` of a device node's number, as makedev(3) puts it together. */
function deviceNumber(device: number): string {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & ~0xff);
  return `${major}:${minor >>> 0}`;
}

/** Opens the node of exactly this device; a descriptor, or what is wrong. A node may be another's by now. */
function openDevice({ name, device }: DeviceRef): number | string {
  const offline = offlineReason(name);
  if (offline !== undefined) return offline;
  let reason = "";
  for (const path of [nodeOf(name), `/dev/block/${device}`]) {
    const fd = openFile(cString(path), O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0) {
      reason ||= `open ${path}: ${strerror(-fd)}`;
      continue;
    }
    if (statDescriptor(fd) === 0 && deviceNumber(status.device) === device) return fd;
    reason = `${path} is not device ${device}`;
    closeDescriptor(fd);
  }
  return reason;
}

/** Called with a group's results as soon as all of them are there. It may read, and so take its time. */
export type GroupDone = (group: number, results: readonly BlockResult[]) => void;

/** How the reads of a child are made. */
export interface Reading {
  readonly timeoutMs: number;
  /** Called before each open(2), which may itself hang, as may a write to sysfs … */
  readonly opening: (ref: DeviceRef) => void;
  /** … and when all are open. */
  readonly waiting: () => void;
}

interface Group {
  readonly results: (BlockResult | undefined)[];
  left: number;
}

class Round {
  readonly #aio: Aio;
  readonly #buffer: DirectBuffer;
  readonly #fds = new Map<string, number | string>();
  readonly #groups: Group[];
  /** Of each read, its group and its place there. */
  readonly #places: (readonly [group: number, at: number])[] = [];
  /** Of each read under way, its device. */
  readonly #underWay = new Map<number, string>();

  constructor(private readonly reads: readonly (readonly BlockRead[])[]) {
    const count = reads.reduce((sum, { length }) => sum + length, 0);
    this.#aio = new Aio(count);
    this.#buffer = new DirectBuffer(count);
    this.#groups = reads.map(({ length }) => ({
      results: Array(length).fill(undefined),
      left: length,
    }));
    reads.forEach((group, i) => group.forEach((_, k) => this.#places.push([i, k])));
  }

  run({ timeoutMs, opening, waiting }: Reading, done: GroupDone): void {
    const settle = (tag: number, result: BlockResult): void => this.#settle(tag, result, done);
    const hanging = hangingDevices();
    this.#places.forEach(([group, at], tag) => {
      const read = this.reads[group][at];
      if (hanging.has(read.of.device)) return settle(tag, STILL_HANGING);
      const failure = this.#begin(read, tag, opening);
      if (failure !== undefined) settle(tag, { failure, hung: false });
    });
    waiting();
    // From here on: opening some devices may have taken long, which is no fault of the others.
    const endMs = performance.now() + timeoutMs;
    while (this.#underWay.size > 0) {
      const leftMs = Math.max(0, Math.ceil(endMs - performance.now()));
      const answers = this.#aio.wait(leftMs);
      // Nor is it theirs how long `done` takes: what has answered meanwhile is taken, however late it is.
      if (answers.length === 0 && performance.now() >= endMs) break;
      for (const { tag, result } of answers) {
        this.#underWay.delete(tag);
        settle(tag, this.#resultOf(tag, result));
      }
    }
    const late = { failure: `no answer in ${timeoutMs / 1000} s`, hung: true };
    this.#places.forEach(([group, at], tag) => {
      if (this.#groups[group].results[at] === undefined) settle(tag, late);
    });
    for (const fd of this.#fds.values()) if (typeof fd === "number") closeDescriptor(fd);
    // What is still under way goes on writing into the buffer.
    if (this.#underWay.size > 0) abandoned.push(this);
    else this.#aio.close();
  }

  /** Devices at which its reads still hang. */
  get hanging(): string[] {
    return [...this.#underWay.values()];
  }

  /** Whether its last read has come back; then nothing of it is left. */
  isOver(): boolean {
    for (const { tag } of this.#aio.wait(0)) this.#underWay.delete(tag);
    if (this.#underWay.size > 0) return false;
    this.#aio.close();
    return true;
  }

  /** Opens the device, once, and begins to read; what went wrong. */
  #begin({ of, offset }: BlockRead, tag: number, opening: Reading["opening"]): string | undefined {
    let fd = this.#fds.get(of.device);
    if (fd === undefined) {
      opening(of);
      fd = openDevice(of);
      this.#fds.set(of.device, fd);
    }
    if (typeof fd === "string") return fd;
    const code = this.#aio.read(fd, this.#buffer, tag, offset, tag);
    if (code < 0) return `read: ${strerror(-code)}`;
    this.#underWay.set(tag, of.device);
    return undefined;
  }

  #resultOf(tag: number, result: number): BlockResult {
    if (result === BLOCK_BYTES) return { bytes: this.#buffer.block(tag).slice() };
    const failure = result < 0 ? `read: ${strerror(-result)}` : `short read of ${result} bytes`;
    return { failure, hung: false };
  }

  #settle(tag: number, result: BlockResult, done: GroupDone): void {
    const [index, at] = this.#places[tag];
    const group = this.#groups[index];
    group.results[at] = result;
    group.left--;
    if (group.left === 0) done(index, group.results as BlockResult[]);
  }
}

/** Rounds with reads that hang: kept, since the kernel may still write to their buffers. */
let abandoned: Round[] = [];

/** Another read would only hang beside it, and hold as much of what the system has for AIO (/proc/sys/fs/aio-max-nr). */
const STILL_HANGING: BlockFailure = { failure: "a read from before has not come back", hung: true };

function hangingDevices(): Set<string> {
  abandoned = abandoned.filter((round) => !round.isOver());
  return new Set(abandoned.flatMap(({ hanging }) => hanging));
}

/** Whether reads that were given up hang: this process cannot end before they do. */
export function hasReadsUnderWay(): boolean {
  return hangingDevices().size > 0;
}

/** Reads groups of blocks, all at once. Waits for no longer than the timeout, unless an open(2) hangs. Throws Errno. */
export function readGroups(
  groups: readonly (readonly BlockRead[])[],
  reading: Reading,
  done: GroupDone,
): void {
  groups.forEach((group, i) => {
    if (group.length === 0) done(i, []);
  });
  if (groups.some(({ length }) => length > 0)) new Round(groups).run(reading, done);
}

/** Reads blocks; the results in the same order. As readGroups(). */
export function readBlocks(reads: readonly BlockRead[], reading: Reading): BlockResult[] {
  let all: readonly BlockResult[] = [];
  readGroups([reads], reading, (_, results) => {
    all = results;
  });
  return [...all];
}
