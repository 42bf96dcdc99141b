/**
 * What outlives the process: one file for each mirror, in memory that a kill -9 leaves as it is (a shared mapping under /run).
 *
 *     u32 magic | u32 version | u32 regions | u32 sectors a region | u32 flags | u32 the kernel's hint | u64 luid | uuid[129] |
 *     … | at 164: u32 recoveries | (u32 region, u32 node) … | at 256:
 *     sync bits | clean bits | regions that this node's kernel has marked | regions that other nodes have marked |
 *     clean bits as they are on the log device
 *
 * Each store is of one word, in an order that errs on the dirty side: a mark is set before the clean bit is cleared, and goes
 * before that is set.
 */
import { Bitmap, bitmapBytes } from "./bitmap.ts";
import type { Construction } from "./constructor.ts";
import { UUID_AT, UUID_BYTES } from "./ulog.ts";

const MAGIC = 0x686b_636d;
const VERSION = 2;
const HEADER_BYTES = 256;
const REGIONS_AT = 8;
const SECTORS_AT = 12;
const FLAGS_AT = 16;
const HINT_AT = 20;
const RECOVERIES_AT = 164;
const IDENTITY_AT = 24;
const IDENTITY_BYTES = UUID_AT + UUID_BYTES;

/** The log was resumed: the bits are those of a live mirror. */
const RESUMED = 1;
/** Recoveries that there is room for; more than one only while daemons are dead. */
const MOST_RECOVERIES = 11;
/** All regions were in sync once since the resume. */
const WHOLE_ONCE = 2;
/** It was suspended, and has not been resumed since, as far as is known. */
const SUSPENDED = 8;
/** Other nodes were in the group: what they have written since is not known here. */
const SHARED = 4;

export function stateBytes(regionCount: number): number {
  return HEADER_BYTES + 5 * bitmapBytes(regionCount);
}

export class MirrorState {
  readonly sync: Bitmap;
  readonly clean: Bitmap;
  readonly own: Bitmap;
  readonly foreign: Bitmap;
  /** Only its bytes are kept up to date. */
  readonly written: Bitmap;
  readonly #view: DataView;

  /** `storage` is of stateBytes(regionCount) bytes and begins on a word. */
  constructor(readonly storage: Uint8Array, regionCount: number) {
    this.#view = new DataView(storage.buffer, storage.byteOffset, storage.length);
    const bytes = bitmapBytes(regionCount);
    const part = (index: number): Bitmap => {
      const start = HEADER_BYTES + index * bytes;
      return new Bitmap(regionCount, storage.subarray(start, start + bytes));
    };
    this.sync = part(0);
    this.clean = part(1);
    this.own = part(2);
    this.foreign = part(3);
    this.written = part(4);
  }

  /** Whether this is the state of the mirror with that luid and uuid (the first 137 bytes of a request), and of a live one. */
  holds(identity: Uint8Array, construction: Construction): boolean {
    return this.#has(RESUMED) && this.#isOf(identity, construction);
  }

  /** The same of a suspended one. */
  holdsSuspended(identity: Uint8Array, construction: Construction): boolean {
    return this.#has(SUSPENDED) && this.#isOf(identity, construction);
  }

  #isOf(identity: Uint8Array, { regionCount, regionSizeSectors }: Construction): boolean {
    const view = this.#view;
    const same = view.getUint32(0, true) === MAGIC && view.getUint32(4, true) === VERSION &&
      view.getUint32(REGIONS_AT, true) === regionCount &&
      view.getUint32(SECTORS_AT, true) === regionSizeSectors;
    if (!same) return false;
    for (let i = 0; i < IDENTITY_BYTES; i++) {
      if (this.storage[IDENTITY_AT + i] !== identity[i]) return false;
    }
    return true;
  }

  /** Begins the state of a mirror; nothing of it counts before resumed(). */
  begin(identity: Uint8Array, { regionCount, regionSizeSectors }: Construction): void {
    const view = this.#view;
    view.setUint32(FLAGS_AT, 0, true);
    view.setUint32(HINT_AT, 0, true);
    view.setUint32(RECOVERIES_AT, 0, true);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, VERSION, true);
    view.setUint32(REGIONS_AT, regionCount, true);
    view.setUint32(SECTORS_AT, regionSizeSectors, true);
    this.storage.set(identity.subarray(0, IDENTITY_BYTES), IDENTITY_AT);
  }

  get wholeOnce(): boolean {
    return this.#has(WHOLE_ONCE);
  }

  /** Which regions are recovered, and by which nodes. */
  recoveries(): [region: number, node: number][] {
    const view = this.#view;
    const count = Math.min(view.getUint32(RECOVERIES_AT, true), MOST_RECOVERIES);
    return Array.from({ length: count }, (_, index) => {
      const at = RECOVERIES_AT + 4 + 8 * index;
      return [view.getUint32(at, true), view.getUint32(at + 4, true)];
    });
  }

  noteRecoveries(region: number, recoverer: number, held: ReadonlyMap<number, number>): void {
    let count = 0;
    if (region >= 0) this.#putRecovery(count++, region, recoverer);
    if (held.size > 0) {
      for (const [one, node] of held) {
        if (count < MOST_RECOVERIES) this.#putRecovery(count++, one, node);
      }
    }
    this.#view.setUint32(RECOVERIES_AT, count, true);
  }

  #putRecovery(index: number, region: number, node: number): void {
    const at = RECOVERIES_AT + 4 + 8 * index;
    this.#view.setUint32(at, region, true);
    this.#view.setUint32(at + 4, node, true);
  }

  /** Below which region the kernel does not ask whether one is recovered: the highest that it was ever told since its resume. */
  get hint(): number {
    return this.#view.getUint32(HINT_AT, true);
  }

  noteHint(region: number): void {
    this.#view.setUint32(HINT_AT, region, true);
  }

  /** Resumed, or suspended. */
  note(resumed: boolean, wholeOnce: boolean): void {
    this.#setFlag(RESUMED, resumed);
    this.#setFlag(SUSPENDED, !resumed);
    this.#setFlag(WHOLE_ONCE, wholeOnce);
  }

  get isShared(): boolean {
    return this.#has(SHARED);
  }

  noteShared(isShared: boolean): void {
    this.#setFlag(SHARED, isShared);
  }

  #has(flag: number): boolean {
    return (this.#view.getUint32(FLAGS_AT, true) & flag) !== 0;
  }

  #setFlag(flag: number, value: boolean): void {
    const flags = this.#view.getUint32(FLAGS_AT, true);
    this.#view.setUint32(FLAGS_AT, value ? flags | flag : flags & ~flag, true);
  }
}

/** The name of a mirror's file: its luid, and a hash of its uuid, which may be too long for a name (FNV-1a). */
export function stateFileName(identity: Uint8Array): string {
  let hash = 0x811c_9dc5;
  for (let i = UUID_AT; i < IDENTITY_BYTES; i++) hash = Math.imul(hash ^ identity[i], 0x0100_0193);
  return `${identity.slice(0, UUID_AT).toHex()}-${(hash >>> 0).toString(16).padStart(8, "0")}`;
}
