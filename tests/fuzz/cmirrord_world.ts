/** A machine of cmirrord with one mirror that is up, in a world that counts what it does. */
import { Machine } from "../../daemons/cmirrord/machine.ts";
import type { Mirror } from "../../daemons/cmirrord/mirror.ts";
import type { Notice, Port } from "../../daemons/cmirrord/port.ts";
import {
  CTR,
  DM_CONNECTOR,
  DM_ULOG_REQUEST,
  RESUME,
  ULOG_BYTES,
} from "../../daemons/cmirrord/ulog.ts";
import { toBytes } from "../../src/wire/bytes.ts";
import { CONNECTOR_HEADER_BYTES, encodeConnector } from "../../src/wire/netlink.ts";

export const REGIONS = 40;
export const UUID = "LVM-fuzz";
export const ME = 1;
export const PEER = 2;
const PID = 10;
const LUID = 77;
const CS_OK = 1;

export function requestFrame(
  seq: number,
  type: number,
  data: Uint8Array,
  luid = LUID,
): Uint8Array<ArrayBuffer> {
  const payloadBytes = ULOG_BYTES + data.length;
  const bytes = new Uint8Array(CONNECTOR_HEADER_BYTES + payloadBytes);
  const view = new DataView(bytes.buffer);
  encodeConnector(view, DM_CONNECTOR, 0, { seq, ack: 0, payloadBytes });
  const { at } = DM_ULOG_REQUEST;
  const put = (offset: number, value: number): void =>
    view.setUint32(CONNECTOR_HEADER_BYTES + offset, value, true);
  put(at.luid, luid);
  bytes.set(toBytes(UUID), CONNECTOR_HEADER_BYTES + at.uuid);
  put(at.version, 3);
  put(at.seq, seq);
  put(at.request_type, type);
  put(at.data_size, data.length);
  bytes.set(data, CONNECTOR_HEADER_BYTES + ULOG_BYTES);
  return bytes;
}

export class FuzzWorld implements Port {
  readonly machine = new Machine(this, PID);
  /** Lengths of the frames that went to the kernel since it was emptied. */
  readonly answers: number[] = [];
  /** The frames themselves, likewise. */
  readonly frames: Uint8Array<ArrayBuffer>[] = [];
  /** The next request's number, for whoever counts. */
  seq = 10;
  /** Whether corosync lets it join. */
  joins: boolean;
  sent = 0;
  complaints = 0;
  /** What it complained of, by name. */
  readonly notices: string[] = [];
  /** The last messages that went to the group. */
  readonly messages: Uint8Array<ArrayBuffer>[] = [];

  /** Files under /run, by name. */
  readonly #states: Map<string, Uint8Array>;

  /**
   * `joined`: who is in the group when the mirror is up. `joins`: corosync is there. `log`: as in the table. `earlier`: the world of a
   * daemon that has died, whose kernel introduces the mirror again.
   */
  constructor(
    private readonly joined: readonly number[],
    { joins = true, regions = REGIONS, log = "clustered-core" } = {},
    earlier?: FuzzWorld,
  ) {
    this.joins = joins;
    this.#states = earlier === undefined ? new Map() : earlier.#states;
    this.machine.setSelf(ME);
    const end = earlier === undefined ? "" : "\0";
    this.ask(requestFrame(1, CTR, toBytes(`${regions * 1024} ${log} 1024${end}`)));
    this.frames.length = 0;
    this.ask(requestFrame(2, RESUME, new Uint8Array(0)));
    if (joins) this.hearOwnJoin();
  }

  /** The group says that this node has joined, then what it has sent, then who else has. */
  hearOwnJoin(): void {
    const self = { nodeid: ME, pid: PID, reason: 1 };
    this.machine.configure(0, [self], [], [self], 0);
    if (this.resume !== undefined) this.deliver(ME, PID, this.resume);
    const others = this.joined.map((nodeid) => ({ nodeid, pid: 20, reason: 1 }));
    if (others.length > 0) this.machine.configure(0, [self, ...others], [], others, 0);
    this.machine.dispatched(0, 0);
  }

  /** The RESUME that this node has sent; others send the like. */
  resume: Uint8Array<ArrayBuffer> | undefined;

  get mirror(): Mirror {
    return this.machine.mirrors[0];
  }

  ask(frame: Uint8Array<ArrayBuffer>): void {
    this.machine.fromKernel(frame, new DataView(frame.buffer), frame.length, 0);
  }

  deliver(node: number, pid: number, message: Uint8Array<ArrayBuffer>): void {
    this.machine.deliver(0, node, pid, message, new DataView(message.buffer), message.length, 0);
  }

  toKernel(bytes: Uint8Array, length: number): void {
    this.answers.push(length);
    if (this.frames.length < 100) this.frames.push(bytes.slice(0, length));
  }
  initialize(): number {
    return this.joins ? 0 : -1;
  }
  join(): number {
    return CS_OK;
  }
  leave(): number {
    return CS_OK;
  }
  finalize(): number {
    return CS_OK;
  }
  multicast(_handle: number, bytes: Uint8Array, length: number): number {
    this.resume ??= bytes.slice(0, length);
    if (this.messages.length < 100) this.messages.push(bytes.slice(0, length));
    this.sent++;
    return CS_OK;
  }
  openLog(): void {}
  closeLog(): void {}
  readLog(): void {}
  writeLog(_mirror: Mirror, _image: Uint8Array, _offset: number, _length: number): void {}
  state(identity: Uint8Array, bytes: number): Uint8Array {
    const state = this.#states.get(identity.toHex()) ?? new Uint8Array(bytes);
    this.#states.set(identity.toHex(), state);
    return state;
  }
  dropState(identity: Uint8Array): void {
    this.#states.delete(identity.toHex());
  }
  say(notice: Notice): void {
    this.complaints++;
    if (this.notices.length < 100) this.notices.push(notice);
  }
}
