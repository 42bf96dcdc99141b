/** One Connection over a real socket pair, in a real reactor whose timers the test lets run out. */
import {
  type Answer,
  Connection,
  type Program,
} from "../../../../daemons/virtlockd/effects/connection.ts";
import { LOCK_FRAME_KEEP_BYTES } from "../../../../daemons/virtlockd/lock_protocol.ts";
import { Reactor, type Timer } from "../../../../src/host/reactor.ts";
import type { CloseReason } from "../../../../src/host/stream.ts";
import type { Header } from "../../../../src/wire/rpc.ts";
import type { XdrReader } from "../../../../src/wire/xdr.ts";
import * as frames from "../../../native/virtlockd/client_frames.ts";
import { type Peer, socketPair } from "./socket_pair.ts";

/** A call as the program saw it; the payload's words are read and summed up in one. */
export interface SeenCall {
  readonly serial: number;
  readonly payloadBytes: number;
  readonly firstWord: number | undefined;
}

/** A program that notes every call and answers "done", or "again" for as long as the test says so. */
class NotingProgram implements Program {
  readonly program = frames.Program.lock;
  readonly version = 1;
  readonly keepBytes = LOCK_FRAME_KEEP_BYTES;
  readonly calls: SeenCall[] = [];
  closedFor: CloseReason | undefined;
  /** How many more calls are told to come again. */
  agains = 0;
  isDroppable = true;

  call(connection: Connection, header: Header, reader: XdrReader): Answer {
    if (this.agains > 0) {
      this.agains--;
      connection.stream.pause();
      return "again";
    }
    const payloadBytes = reader.remaining;
    const firstWord = payloadBytes < 4 ? undefined : reader.uint();
    this.calls.push({ serial: header.serial, payloadBytes, firstWord });
    connection.replyOk(header);
    return "answered";
  }

  closed(_connection: Connection, reason: CloseReason): void {
    this.closedFor = reason;
  }

  mayDrop(): boolean {
    return this.isDroppable;
  }
}

/** A reactor whose timers wait for runTimers() instead of for the clock. */
class ManualReactor extends Reactor {
  #timers: Timer[] = [];

  override after(_delayMs: number, run: () => void): Timer {
    const timer: Timer = { dueMs: 0, slot: -1, run };
    this.#timers.push(timer);
    return timer;
  }

  override cancel(timer: Timer | undefined): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  forgetTimers(): void {
    this.#timers = [];
  }

  runTimers(): void {
    const due = this.#timers;
    this.#timers = [];
    for (const { run } of due) run();
  }
}

/** What a connection can answer in one turn: the kernel queues 278 small replies. */
const TURN_BYTES = 278 * 28;
/** Turns after which a little input has had all its effects. */
const TURNS = 4;

export class Rig implements Disposable {
  readonly reactor = new ManualReactor();
  readonly program = new NotingProgram();
  readonly peer: Peer;
  connection: Connection;

  constructor() {
    const { fd, peer } = socketPair();
    this.peer = peer;
    this.connection = new Connection(this.reactor, fd, this.program);
  }

  /** Lets the connection do what it can. */
  turn(turns = TURNS): void {
    for (let i = 0; i < turns; i++) this.reactor.turn(0);
  }

  /** Sends bytes however many they are, lets the connection work, and gives back what it sent. */
  exchange(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const received: Uint8Array[] = [];
    let rest = bytes.slice();
    for (let turns = TURNS + Math.ceil(bytes.length / TURN_BYTES); turns > 0;) {
      const isOver = rest.length === 0 || this.program.closedFor !== undefined;
      if (isOver) turns--;
      else rest = rest.subarray(this.peer.sendSome(rest));
      this.turn(1);
      received.push(this.peer.received());
    }
    return frames.concat(...received).slice();
  }

  /** Puts another Connection in the place of this one, with what this one holds: what a re-exec does. */
  succeed(): void {
    const { connection, program, reactor } = this;
    const { stream, aside } = connection;
    const [input, output] = [stream.heldInput, stream.heldOutput];
    reactor.forgetTimers();
    reactor.unwatch(connection.fd);
    this.connection = new Connection(reactor, connection.fd, program);
    this.connection.restore(input, output, aside && { ...aside, bytes: aside.bytes.slice() });
  }

  [Symbol.dispose](): void {
    if (this.program.closedFor === undefined) this.connection.stream.close("closed here");
    this.peer.close();
    this.reactor.close();
  }
}

/** A call of RESTRICT, whose argument is one word. */
export function call(
  serial: number,
  payload: Uint8Array = frames.u32(serial),
  changes: Partial<frames.Header> = {},
): Uint8Array {
  return frames.frame(frames.callHeader("RESTRICT", serial, changes), payload);
}

/** The success reply to a call. */
export function done(serial: number): Uint8Array {
  return frames.frame(frames.callHeader("RESTRICT", serial, { type: frames.MessageType.reply }));
}
