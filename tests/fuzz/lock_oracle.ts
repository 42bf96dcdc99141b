/** What must hold for any frame that a client of the lock service can send. */
import {
  decodeLockCall,
  emptyLockCall,
  encodeLockCall,
  isLockProcedure,
  LOCK_STRING_MAX_BYTES,
  type LockCall,
} from "../../daemons/virtlockd/lock_protocol.ts";
import { type Client, LockMachine } from "../../daemons/virtlockd/machine.ts";
import { decodeHeader, emptyHeader, FRAME_MIN_BYTES } from "../../src/wire/rpc.ts";
import { encodeError } from "../../src/wire/rpc.ts";
import { XdrReader, XdrWriter } from "../../src/wire/xdr.ts";
import { WatchedFrame } from "../src/wire/watched.ts";
import { type Arguments, referenceArguments } from "./lock_reference.ts";

/** Room for a frame with two strings of the longest kind, and for what a test adds to one. */
export const CAPACITY_BYTES = 3 * LOCK_STRING_MAX_BYTES;

/** Thrown for a frame of which something does not hold. */
export class OracleError extends Error {
  override name = "OracleError";
}

function hold(condition: boolean, what: string): void {
  if (!condition) throw new OracleError(what);
}

/** How often each ending was seen, to show that a run was not all of one kind. */
export interface Tally {
  frames: number;
  unknown: number;
  refused: number;
  decoded: number;
}

export class LockOracle {
  readonly tally: Tally = { frames: 0, unknown: 0, refused: 0, decoded: 0 };
  // Bytes that are not the frame's differ between the two: whoever looks at them gets two different results.
  readonly #frame = new WatchedFrame(CAPACITY_BYTES, 0x00);
  readonly #twin = new WatchedFrame(CAPACITY_BYTES, 0xff);
  readonly #reader = new XdrReader();
  readonly #writer = new XdrWriter(CAPACITY_BYTES);
  readonly #header = emptyHeader();
  readonly #call = emptyLockCall();
  readonly #again = emptyLockCall();
  readonly #machine = new LockMachine(() => 0);

  /** Checks the frame in the first `length` bytes. Throws OracleError, or whatever the code under test throws. */
  check(bytes: Uint8Array, length: number): void {
    this.tally.frames++;
    if (length < FRAME_MIN_BYTES) return; // the connection is closed before anything is decoded
    this.#frame.set(bytes, length);
    decodeHeader(this.#frame.view, this.#frame.start, this.#header);
    const { procedure } = this.#header;
    if (!isLockProcedure(procedure)) {
      hold(procedure < 1 || procedure > 8, "a procedure of the program is unknown");
      this.tally.unknown++;
      return;
    }
    const expected = referenceArguments(procedure, bytes, FRAME_MIN_BYTES, length);
    const isDecoded = this.#decode(this.#frame, procedure, this.#call);
    hold(isDecoded === (expected !== undefined), `decoded: ${isDecoded}`);
    hold(
      this.#frame.takenBytes <= length - FRAME_MIN_BYTES,
      `${this.#frame.takenBytes} bytes were taken out of a frame of ${length}`,
    );
    this.#twin.set(bytes, length);
    hold(
      this.#decode(this.#twin, procedure, this.#again) === isDecoded,
      "padding or margin counts",
    );
    if (expected === undefined) {
      this.tally.refused++;
      return;
    }
    this.tally.decoded++;
    this.#checkDecoded(expected, length);
  }

  #decode(frame: WatchedFrame, procedure: number, call: LockCall): boolean {
    this.#reader.reset(frame.bytes, frame.view, frame.start + FRAME_MIN_BYTES, frame.end);
    return decodeLockCall(procedure, this.#reader, call);
  }

  #checkDecoded(expected: Arguments, length: number): void {
    sameArguments(this.#call, expected);
    sameArguments(this.#again, expected);
    this.#writer.reset();
    encodeLockCall(this.#writer, this.#call);
    const written = this.#writer.length;
    hold(written <= length - FRAME_MIN_BYTES, "arguments grew when they were encoded");
    this.#reader.reset(this.#writer.bytes, this.#writer.view, 0, written);
    hold(decodeLockCall(this.#call.procedure, this.#reader, this.#again), "cannot decode its own");
    hold(this.#reader.remaining === 0, "encoded more than is decoded");
    sameArguments(this.#again, expected);
    this.#checkMachine();
  }

  /** The machine gives an answer that can be encoded, or asks for a file operation. */
  #checkMachine(): void {
    const client: Client = {
      owner: { uuid: this.#call.uuid, name: "", id: 1, pid: 1 },
      restricted: false,
    };
    const { step, error } = this.#machine.begin(client, this.#call);
    if (step !== "reply" || error === undefined) return;
    this.#writer.reset();
    encodeError(this.#writer, error);
    // The text stands in the message, and once more as the second string.
    const texts = 2 * (this.#call.path.length + this.#call.name.length);
    hold(this.#writer.length <= texts + 512, "an error is longer than what it names");
  }
}

function sameArguments(call: LockCall, expected: Arguments): void {
  const { path = "", name = "", flags = 0, ownerId, ownerPid, uuid } = expected;
  hold(call.path === path && call.name === name, "path or name differ");
  hold(call.flags === flags, "flags differ");
  if (uuid === undefined) return;
  hold(call.ownerId === ownerId && call.ownerPid === ownerPid, "owner differs");
  hold(call.uuid.toHex() === uuid, "uuid differs");
}
