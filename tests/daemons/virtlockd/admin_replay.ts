/** Plays the clients' side of a golden transcript against answerAdmin(). */
import { assert, assertEquals } from "@std/assert";
import { type AdminAnswer, answerAdmin } from "../../../daemons/virtlockd/admin.ts";
import { ADMIN_PROGRAM } from "../../../daemons/virtlockd/admin_protocol.ts";
import { decodeHeader, emptyHeader, FRAME_MIN_BYTES } from "../../../src/wire/rpc.ts";
import { XdrReader, XdrWriter } from "../../../src/wire/xdr.ts";
import { FIXED_PID, FIXED_TIMESTAMP } from "../../native/virtlockd/admin_replies.ts";
import type { Line } from "../../native/virtlockd/admin_transcript.ts";
import { toHex } from "../../native/virtlockd/client_frames.ts";
import { type FakeClient, FakeTarget } from "./fake_admin_target.ts";

export const somebody = { pid: FIXED_PID, uid: 0, gid: 0, userName: "root", groupName: "root" };

/** Answers one frame; `reply` is empty if there is none. */
export class Answerer {
  readonly header = emptyHeader();
  readonly #reader = new XdrReader();
  readonly writer = new XdrWriter(64);

  answer(frame: Uint8Array, target: FakeTarget, caller: FakeClient): AdminAnswer {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    decodeHeader(view, 0, this.header);
    this.#reader.reset(frame, view, FRAME_MIN_BYTES, frame.length);
    return answerAdmin(this.header, this.#reader, this.writer, target, caller);
  }
}

interface Actor {
  readonly server: "admin" | "virtlockd";
  readonly client: FakeClient;
  /** Replies that the transcript has not come to yet, in hexadecimal. */
  readonly replies: string[];
}

export class Replay {
  readonly target = new FakeTarget();
  readonly #answerer = new Answerer();
  readonly #actors = new Map<string, Actor>();
  #title = "";

  /** Throws an AssertionError where the transcript goes another way. */
  run(lines: readonly Line[]): void {
    for (const line of lines) this.#line(line);
    for (const [name, { replies }] of this.#actors) assertEquals(replies, [], name);
  }

  #line(line: Line): void {
    switch (line.kind) {
      case "#":
        this.#title = line.title;
        return;
      case "+":
        return this.#connect(line.client, line.socket);
      case ">":
        return this.#send(this.#actor(line.client), line.bytes);
      case "<":
        return this.#expect(this.#actor(line.client), line.bytes);
      case "x":
        return assert(this.#actor(line.client).client.isClosed, this.#title);
      case "-":
        return this.#leave(this.#actor(line.client));
    }
  }

  #actor(name: string): Actor {
    const actor = this.#actors.get(name);
    if (!actor) throw new Error(`no client "${name}"`);
    return actor;
  }

  #connect(name: string, socket: string): void {
    const server = socket === "admin" ? "admin" : "virtlockd";
    const client = this.target[server].connect(Number(FIXED_TIMESTAMP), somebody);
    // Its calls, with which it waits for the others, are not in the transcript.
    client.madeCall = name === "watcher";
    this.#actors.set(name, { server, client, replies: [] });
  }

  #send(actor: Actor, bytes: Uint8Array): void {
    for (const frame of frames(bytes)) {
      if (new DataView(frame.buffer).getUint32(4) !== ADMIN_PROGRAM) actor.client.madeCall = true;
      else if (!actor.client.isClosed) this.#call(actor, frame);
    }
  }

  #call({ client, replies }: Actor, frame: Uint8Array): void {
    const { writer } = this.#answerer;
    const answer = this.#answerer.answer(frame, this.target, client);
    if (answer !== "close") replies.push(toHex(writer.copy()));
    if (answer !== "reply") this.target.admin.closeClient(client.id);
  }

  #expect({ server, replies }: Actor, bytes: Uint8Array): void {
    if (server === "admin") assertEquals(replies.shift(), toHex(bytes), this.#title);
  }

  #leave({ server, client }: Actor): void {
    this.target[server].clients.delete(client.id);
  }
}

/** Splits what was sent at once by the length words. */
function frames(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; at < bytes.length; at += view.getUint32(at)) {
    found.push(bytes.slice(at, at + view.getUint32(at)));
  }
  return found;
}
