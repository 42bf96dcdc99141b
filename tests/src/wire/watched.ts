/**
 * A frame in a buffer that says what was looked at: every read through the view, every piece copied or cut out of it, must
 * lie within the frame. Around the frame are bytes that are not the decoder's to see.
 */

/** Thrown for a look outside of the frame. */
export class Trespass extends Error {
  override name = "Trespass";
}

/** The frame [start, end) of the two classes below, and how many bytes were taken out of it in pieces. */
interface Fence {
  start: number;
  end: number;
  takenBytes: number;
}

function within(fence: Fence, start: number, end: number): void {
  if (start >= fence.start && end <= fence.end && start <= end) return;
  throw new Trespass(`[${start}, ${end}) of a frame at [${fence.start}, ${fence.end})`);
}

class WatchedBytes extends Uint8Array<ArrayBuffer> {
  /** What is cut out is not watched. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  constructor(buffer: ArrayBuffer, private readonly fence: Fence) {
    super(buffer);
  }

  override subarray(start = 0, end = this.length): Uint8Array<ArrayBuffer> {
    within(this.fence, start, end);
    this.fence.takenBytes += end - start;
    return super.subarray(start, end);
  }

  override slice(start = 0, end = this.length): Uint8Array<ArrayBuffer> {
    within(this.fence, start, end);
    this.fence.takenBytes += end - start;
    return super.slice(start, end);
  }
}

class WatchedView extends DataView<ArrayBuffer> {
  constructor(buffer: ArrayBuffer, private readonly fence: Fence) {
    super(buffer);
  }

  override getUint32(at: number, littleEndian = false): number {
    within(this.fence, at, at + 4);
    return super.getUint32(at, littleEndian);
  }

  override getInt32(at: number, littleEndian = false): number {
    within(this.fence, at, at + 4);
    return super.getInt32(at, littleEndian);
  }

  override getBigUint64(at: number, littleEndian = false): bigint {
    within(this.fence, at, at + 8);
    return super.getBigUint64(at, littleEndian);
  }

  override getBigInt64(at: number, littleEndian = false): bigint {
    within(this.fence, at, at + 8);
    return super.getBigInt64(at, littleEndian);
  }

  override getFloat64(at: number, littleEndian = false): number {
    within(this.fence, at, at + 8);
    return super.getFloat64(at, littleEndian);
  }
}

/** Bytes on each side of a frame that are not its own: more than a word. */
const MARGIN = 16;

/** A place for one frame after another. */
export class WatchedFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly #plain: Uint8Array<ArrayBuffer>;
  readonly #fence: Fence = { start: MARGIN, end: MARGIN, takenBytes: 0 };

  /** `around`: the value of the bytes before and behind a frame. */
  constructor(capacity: number, private readonly around: number) {
    const buffer = new ArrayBuffer(capacity + 2 * MARGIN);
    this.#plain = new Uint8Array(buffer).fill(around);
    this.bytes = new WatchedBytes(buffer, this.#fence);
    this.view = new WatchedView(buffer, this.#fence);
  }

  get start(): number {
    return this.#fence.start;
  }

  get end(): number {
    return this.#fence.end;
  }

  /** Bytes taken out in pieces since the frame was set. */
  get takenBytes(): number {
    return this.#fence.takenBytes;
  }

  /** Puts the first `length` bytes of a frame in place of the one before. */
  set(frame: Uint8Array, length = frame.length): void {
    this.#fence.end = MARGIN + length;
    this.#fence.takenBytes = 0;
    this.#plain.set(length === frame.length ? frame : frame.subarray(0, length), MARGIN);
    this.#plain.fill(this.around, this.#fence.end, this.#fence.end + MARGIN);
  }
}
