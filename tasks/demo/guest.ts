/**
 * A guest of the demo: a process of its own that talks to virtlockd as QEMU's does, told what to do by lines of JSON on its
 * standard input, answering each with one on its standard output.
 */
import { CALL, emptyHeader, FRAME_MIN_BYTES, OK } from "../../src/wire/rpc.ts";
import { beginFrame, decodeHeader, endFrame } from "../../src/wire/rpc.ts";
import { toText } from "../../src/wire/bytes.ts";
import { XdrReader, XdrWriter } from "../../src/wire/xdr.ts";
import {
  ACQUIRE_RESOURCE,
  emptyLockCall,
  encodeLockCall,
  LOCK_PROGRAM,
  LOCK_VERSION,
  type LockCall,
  REGISTER,
  RELEASE_RESOURCE,
} from "../../daemons/virtlockd/lock_protocol.ts";

/** What a guest is asked to do. */
export type Order =
  | { readonly do: "register"; readonly name: string }
  | { readonly do: "acquire" | "release"; readonly path: string }
  /** Acquires and releases a file of its own without a pause, until the next order. */
  | { readonly do: "work"; readonly path: string }
  | { readonly do: "rest" };

/** `error` is the daemon's text; `pairs` counts what work has done so far. */
export interface Report {
  readonly error?: string;
  readonly pairs: number;
}

class LockConnection {
  #serial = 0;
  readonly #writer = new XdrWriter(4096);
  readonly #reader = new XdrReader();

  constructor(private readonly connection: Deno.Conn) {}

  /** Makes a call and waits for the answer: undefined for success, else the error's text. */
  async call(change: Partial<LockCall>): Promise<string | undefined> {
    const call = { ...emptyLockCall(), ...change };
    const header = {
      ...emptyHeader(),
      program: LOCK_PROGRAM,
      version: LOCK_VERSION,
      procedure: call.procedure,
      serial: this.#serial++,
    };
    beginFrame(this.#writer, header, CALL, OK);
    encodeLockCall(this.#writer, call);
    endFrame(this.#writer);
    await this.connection.write(this.#writer.copy());
    return this.#answer(await this.#frame());
  }

  async #exactly(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = await this.connection.read(bytes.subarray(at));
      if (count === null) throw new Error("the daemon closed the connection");
      at += count;
    }
    return bytes;
  }

  async #frame(): Promise<Uint8Array> {
    const length = await this.#exactly(4);
    const rest = await this.#exactly(new DataView(length.buffer).getUint32(0) - 4);
    const frame = new Uint8Array(4 + rest.length);
    frame.set(length);
    frame.set(rest, 4);
    return frame;
  }

  #answer(frame: Uint8Array): string | undefined {
    const view = new DataView(frame.buffer);
    const header = emptyHeader();
    decodeHeader(view, 0, header);
    if (header.status === OK) return undefined;
    this.#reader.reset(frame, view, FRAME_MIN_BYTES, frame.length);
    this.#reader.int();
    this.#reader.int();
    return toText(this.#reader.optionalString(1 << 20) ?? "");
  }
}

async function main(socket: string): Promise<void> {
  const connection = new LockConnection(await Deno.connect({ transport: "unix", path: socket }));
  let pairs = 0;
  let working: Promise<void> | undefined;
  let stop = false;
  const work = async (path: string): Promise<void> => {
    while (!stop) {
      const failed = await connection.call({ procedure: ACQUIRE_RESOURCE, name: path }) ??
        await connection.call({ procedure: RELEASE_RESOURCE, name: path });
      if (failed !== undefined) throw new Error(failed);
      pairs++;
    }
  };
  const obey = async (order: Order): Promise<string | undefined> => {
    switch (order.do) {
      case "register":
        return await connection.call({
          procedure: REGISTER,
          name: order.name,
          ownerId: 1,
          ownerPid: Deno.pid,
        });
      case "acquire":
        return await connection.call({ procedure: ACQUIRE_RESOURCE, name: order.path });
      case "release":
        return await connection.call({ procedure: RELEASE_RESOURCE, name: order.path });
      case "work":
        stop = false;
        working = work(order.path);
        return undefined;
      case "rest":
        stop = true;
        return await working?.then(() => undefined);
    }
  };
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let text = "";
  for await (const chunk of lines) {
    text += chunk;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const error = await obey(JSON.parse(text.slice(0, end)) as Order);
      text = text.slice(end + 1);
      const report: Report = error === undefined ? { pairs } : { error, pairs };
      console.log(JSON.stringify(report));
    }
  }
}

if (import.meta.main) await main(Deno.args[0]);
