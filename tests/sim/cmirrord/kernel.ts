/** What dm-mirror and dm-log-userspace of one node ask their daemon, and how they take the answers (kernel 6.1). */
import { toBytes } from "../../../src/wire/bytes.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { CONNECTOR_HEADER_BYTES, encodeConnector } from "../../../src/wire/netlink.ts";
import {
  CTR,
  DM_CONNECTOR,
  DM_ULOG_REQUEST,
  REQUESTS,
  RESUME,
  STATUS_INFO,
  ULOG_BYTES,
} from "../../../daemons/cmirrord/ulog.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Clock } from "./clock.ts";

export interface Reply {
  readonly error: number;
  readonly words: readonly number[];
}

/** A task of the kernel: it yields while it waits, and is given what it waited for. */
export type Task = Generator<(done: (reply: Reply) => void) => void, void, Reply>;
export type Wait<T> = Generator<(done: (reply: Reply) => void) => void, T, Reply>;

const ESRCH = -3;
const TIMEOUT_MS = 15_000;
const NOTHING: Reply = { error: 0, words: [] };
/** A reply that says: ask again with a new number. */
const AGAIN: Reply = { error: -11, words: [] };

interface Waiting {
  readonly capacity: number;
  readonly done: (reply: Reply) => void;
}

export class Connector {
  readonly #waiting = new Map<number, Waiting>();
  #seq = 0;
  luid = 1;
  /** Tasks that hold the table: it is not removed before they are done. */
  readers = 0;
  /** Turned over at the death of the node: nobody waits any more. */
  isDead = false;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly uuid: string,
    /** The words of the table line. */
    readonly table: string,
    /** Gives a frame to the daemon; false where there is none. */
    private readonly deliver: (bytes: Uint8Array<ArrayBuffer>) => boolean,
  ) {}

  run(task: Task): void {
    const go = (reply: Reply): void => {
      if (this.isDead) return;
      const { value, done } = task.next(reply);
      if (done !== true) value(go);
    };
    go(NOTHING);
  }

  /** `dmsetup status`, as the service has it run behind each start: an idle kernel would not introduce its mirror. */
  showStatus(): void {
    this.run(this.#status());
  }

  *#status(): Task {
    this.readers++;
    yield* this.ask(STATUS_INFO);
    this.readers--;
  }

  *sleep(ms: number): Wait<void> {
    yield (done) => this.clock.after(ms, () => done(NOTHING));
  }

  /** userspace_do_request(): with the reconnect, where the type has one. */
  *ask(type: number, words: readonly number[] = []): Wait<Reply> {
    for (;;) {
      const reply = yield* this.#send(type, encodeWords(words));
      if (reply.error !== ESRCH || REQUESTS[type]?.reconnects !== true) return reply;
      do yield* this.sleep(2_000); while ((yield* this.construct(true)).error !== 0);
      const resumed = yield* this.#send(RESUME, new Uint8Array(0));
      if (resumed.error !== 0) return { error: ESRCH, words: [] };
    }
  }

  /** CTR: of a table load, or of a reconnect, which ends in a NUL and has no room for an answer. */
  *construct(reconnects: boolean): Wait<Reply> {
    const text = reconnects ? `${this.table}\0` : this.table;
    return yield* this.#send(CTR, toBytes(text), reconnects ? 0 : 128);
  }

  *#send(
    type: number,
    data: Uint8Array,
    capacity = REQUESTS[type]?.capacity ?? 0,
  ): Wait<Reply> {
    for (;;) {
      const reply = yield (done) => this.#post(type, data, capacity, done);
      if (reply !== AGAIN) return reply;
    }
  }

  #post(type: number, data: Uint8Array, capacity: number, done: Waiting["done"]): void {
    const seq = this.#seq++;
    const frame = this.#frame(seq, type, data);
    this.#waiting.set(seq, { capacity, done });
    this.clock.after(TIMEOUT_MS, () => this.#answer(seq, AGAIN));
    this.clock.after(this.random.below(10) / 100, () => {
      if (!this.deliver(frame)) this.#answer(seq, { error: ESRCH, words: [] });
    });
  }

  #answer(seq: number, reply: Reply): void {
    const waiting = this.#waiting.get(seq);
    if (waiting === undefined || this.isDead) return;
    this.#waiting.delete(seq);
    waiting.done(reply);
  }

  #frame(seq: number, type: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
    const payloadBytes = ULOG_BYTES + data.length;
    const bytes = new Uint8Array(CONNECTOR_HEADER_BYTES + payloadBytes);
    const view = new DataView(bytes.buffer);
    encodeConnector(view, DM_CONNECTOR, 0, { seq, ack: 0, payloadBytes });
    const { at } = DM_ULOG_REQUEST;
    const put = (field: keyof typeof at, value: number): void =>
      view.setUint32(CONNECTOR_HEADER_BYTES + at[field], value, true);
    put("luid", this.luid);
    bytes.set(toBytes(this.uuid), CONNECTOR_HEADER_BYTES + at.uuid);
    put("version", 3);
    put("seq", seq);
    put("request_type", type);
    put("data_size", data.length);
    bytes.set(data, CONNECTOR_HEADER_BYTES + ULOG_BYTES);
    return bytes;
  }

  /** A frame from the daemon. A full reply is matched by its own number alone, a short one by the connector's. */
  take(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length === CONNECTOR_HEADER_BYTES) {
      const ack = view.getUint32(28, true);
      return this.#answer(
        view.getUint32(24, true),
        ack === 11 ? AGAIN : { error: -ack, words: [] },
      );
    }
    const { at } = DM_ULOG_REQUEST;
    const field = (offset: number): number => view.getInt32(CONNECTOR_HEADER_BYTES + offset, true);
    const seq = field(at.seq);
    const size = field(at.data_size);
    const waiting = this.#waiting.get(seq);
    if (waiting === undefined) return;
    if (size > waiting.capacity) throw new Error(`${size} bytes for room of ${waiting.capacity}`);
    const words = Array.from(
      { length: size >> 3 },
      (_, i) => view.getUint32(CONNECTOR_HEADER_BYTES + ULOG_BYTES + 8 * i, true),
    );
    this.#answer(seq, { error: field(at.error), words });
  }
}

function encodeWords(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => setU64(view, 8 * index, word));
  return bytes;
}
