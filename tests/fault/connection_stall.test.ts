/**
 * A Connection drops a peer that leaves a message unfinished or its replies unread, after STALL_CHECK_MS to twice that, and holds
 * little for it until then. All is real here, sockets and epoll included, but the clock. Who is dropped and who is not stands in
 * tests/daemons/virtlockd/effects/connection_flow.test.ts.
 */
import "../bind_libc.ts";
import { assert, assertEquals } from "@std/assert";
import {
  type Answer,
  Connection,
  type Program,
} from "../../daemons/virtlockd/effects/connection.ts";
import { internalError } from "../../daemons/virtlockd/errors.ts";
import { STALL_CHECK_MS } from "../../daemons/virtlockd/limits.ts";
import { closeDescriptor } from "../../ffi/file.ts";
import { acceptSocket, Receiver, sendBytes } from "../../ffi/socket.ts";
import { bindListener, connectTo } from "../../src/host/listener.ts";
import type { CloseReason } from "../../src/host/stream.ts";
import { FRAME_MIN_BYTES, type Header } from "../../src/wire/rpc.ts";
import * as frames from "../native/virtlockd/client_frames.ts";
import { ManualReactor } from "./helpers/manual_reactor.ts";

/** A frame of any program, of this many bytes; its announced length may be another. */
function message(bytes: number, announced = bytes): Uint8Array<ArrayBuffer> {
  const frame = frames.frame(frames.callHeader(7, 1), new Uint8Array(bytes - FRAME_MIN_BYTES));
  new DataView(frame.buffer).setUint32(0, announced);
  return new Uint8Array(frame);
}

/** A message of which a megabyte is still to come. */
const UNFINISHED = message(64, 1 << 20);
const DETAIL_BYTES = 64 * 1024;
/** As long as a reply can be: the detail stands in it twice, the second time in the message. */
const LONG_ERROR = internalError(0, "x".repeat(DETAIL_BYTES));
const LONG_REPLY_BYTES = 2 * DETAIL_BYTES + 200;

/** Both ends of a connection, and what the server's end does. */
class Pair implements Disposable, Program {
  readonly program = frames.Program.lock;
  readonly version = 1;
  readonly keepBytes = 4096;
  readonly reactor = new ManualReactor();
  readonly connection: Connection;
  readonly #directory = Deno.makeTempDirSync({ prefix: "hostkeep-stall-" });
  readonly #client: number;
  readonly #receiver = new Receiver(1 << 20);
  calls = 0;
  ended: CloseReason | undefined;

  constructor() {
    const path = `${this.#directory}/socket`;
    const listener = bindListener(path, 0o700, 1);
    this.#client = connectTo(path, false);
    this.connection = new Connection(this.reactor, acceptSocket(listener), this);
    closeDescriptor(listener);
  }

  call(connection: Connection, header: Header): Answer {
    this.calls++;
    connection.replyError(header, LONG_ERROR);
    return "answered";
  }

  closed(_connection: Connection, reason: CloseReason): void {
    this.ended = reason;
  }

  mayDrop(): boolean {
    return true;
  }

  /** How many bytes the kernel took of those of the client. */
  send(bytes: Uint8Array<ArrayBuffer>): number {
    const sent = sendBytes(this.#client, bytes, bytes.length);
    this.reactor.settle();
    return sent;
  }

  /** Reads what has come for the client. */
  receive(): void {
    while (this.#receiver.receive(this.#client, 0, 1 << 20) > 0) this.reactor.settle();
  }

  /** Lets so many seconds pass, with something done in each of them. */
  pass(seconds: number, each = (): void => {}): void {
    for (let second = 0; second < seconds; second++) {
      each();
      this.reactor.advance(1000);
    }
  }

  [Symbol.dispose](): void {
    this.connection.stream.close("closed here");
    this.reactor.close();
    closeDescriptor(this.#client);
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

const LOOK_S = STALL_CHECK_MS / 1000;

/** Asserts that the peer is dropped at the first look if it goes on like this. */
function assertDropped(first: Uint8Array<ArrayBuffer>, each?: (pair: Pair) => void): void {
  using pair = new Pair();
  assert(pair.send(first) > 0);
  pair.pass(LOOK_S - 1, () => each?.(pair));
  assertEquals(pair.ended, undefined, "dropped before its time");
  pair.pass(1);
  assertEquals(pair.ended, "stalled");
}

/** Asserts that the peer is still there after ten looks. */
function assertKept(pair: Pair, each?: () => void): void {
  pair.pass(10 * LOOK_S, each);
  assertEquals(pair.ended, undefined);
}

const drip = (pair: Pair): void => void pair.send(new Uint8Array(1));

Deno.test("Connection drops a peer that sent a part of a length word", () => {
  assertDropped(new Uint8Array(3));
});

Deno.test("Connection drops a peer whose message drips in", () => {
  assertDropped(message(64, 4000), drip);
});

Deno.test("Connection drops a peer that drips what is too long to mean anything", () => {
  assertDropped(message(8192, 32 << 20), drip);
});

Deno.test("Connection gives a peer that completes a message another term", () => {
  using pair = new Pair();
  pair.send(message(64).subarray(0, 40));
  pair.pass(LOOK_S - 1);
  pair.send(message(64).subarray(40));
  pair.send(UNFINISHED);
  pair.pass(LOOK_S);
  assertEquals(pair.ended, undefined);
  pair.pass(1);
  assertEquals(pair.ended, "stalled");
});

Deno.test("Connection keeps a peer whose every message comes in pieces", () => {
  using pair = new Pair();
  const [begin, end] = [message(64).subarray(0, 40), message(64).subarray(40)];
  assertKept(pair, () => {
    pair.send(begin);
    pair.send(end);
    pair.receive();
    pair.send(begin);
    pair.send(end);
    pair.receive();
  });
  assertEquals(pair.calls, 20 * LOOK_S);
});

Deno.test("Connection drops a peer that does not read, and holds one reply for it at most", () => {
  using pair = new Pair();
  const requests = new Uint8Array(Array.from({ length: 256 }, () => [...message(64)]).flat());
  assert(pair.send(requests) > 0);
  const { calls } = pair;
  assert(calls < 100, `${calls} requests were answered`);
  pair.pass(LOOK_S - 1, () => pair.send(requests));
  assertEquals(pair.calls, calls, "went on answering");
  const held = pair.connection.stream.heldOutput.length;
  assert(held > 0 && held <= LONG_REPLY_BYTES, `holds ${held} bytes`);
  pair.pass(1);
  assertEquals(pair.ended, "stalled");
});

Deno.test("Connection gives replies their full term, whatever was unfinished before them", () => {
  using pair = new Pair();
  const requests = new Uint8Array(Array.from({ length: 256 }, () => [...message(64)]).flat());
  pair.send(requests.subarray(0, 40));
  pair.pass(LOOK_S - 1);
  pair.send(requests.subarray(40));
  pair.pass(LOOK_S - 1);
  assertEquals(pair.ended, undefined);
  pair.pass(1);
  assertEquals(pair.ended, "stalled");
});

Deno.test("Connection goes on when a peer reads at last", () => {
  using pair = new Pair();
  const count = 100;
  const requests = new Uint8Array(Array.from({ length: count }, () => [...message(64)]).flat());
  assertEquals(pair.send(requests), requests.length);
  pair.pass(LOOK_S - 1);
  pair.receive();
  assertEquals(pair.calls, count);
  assertKept(pair);
});
