/** What every step has at hand: the port, who we are, the time, and the buffers that all mirrors share. */
import { EntryPool } from "./entries.ts";
import type { Answer } from "./log.ts";
import { MAX_REGIONS_PER_REQUEST, MAX_REQUEST_DATA_BYTES } from "./limits.ts";
import { type Message, MESSAGE_HEADER_BYTES } from "./message.ts";
import type { Port } from "./port.ts";
import { KernelReplies } from "./replies.ts";
import { emptyRequest, type Request } from "./ulog.ts";

function emptyMessage(): Message {
  return {
    ...emptyRequest(),
    originator: 0,
    pitServer: 0,
    isResponse: false,
    trailer: 0,
    end: 0,
  };
}

/** Room for a request or a response with its trailer. */
const OUT_BYTES = MESSAGE_HEADER_BYTES + MAX_REQUEST_DATA_BYTES + 64;

export class Context {
  /** This node's id, from the first configuration change that shows it; 0 before. */
  me = 0;
  /** The monotonic time of the step. */
  nowMs = 0;
  readonly entries = new EntryPool();
  readonly replies: KernelReplies;
  /** The kernel's request, or the delivered message, that the step is about. */
  readonly request: Request = emptyRequest();
  readonly message = emptyMessage();
  /** A message that is executed without being sent, as there is no one else. */
  readonly looped = emptyMessage();
  /** Regions of a message that is put together. */
  readonly batch = new Uint32Array(MAX_REGIONS_PER_REQUEST);
  /** The node that sent the message, or that joined or left. */
  node = 0;
  /** Why it joined or left: CPG_REASON_* of corosync/cpg.h. */
  reason = 0;
  /** What a disk reported: 0 or a negative error number. */
  error = 0;
  /** Of the request that is executed. */
  readonly occasion = { originator: 0, me: 0 };
  readonly answer: Answer = { error: 0, first: 0, second: 0, words: 0 };
  readonly out = new Uint8Array(OUT_BYTES);
  readonly outView = new DataView(this.out.buffer);
  /** Counts joins, for trailers; a process begins where another one has not been. */
  generation: number;

  constructor(
    readonly port: Port,
    /** The daemon's pid: netlink frames carry it, and a joining member is known by it. */
    readonly pid: number,
    /** Behave as lvm2's daemon, its defects included. */
    readonly original: boolean,
  ) {
    this.generation = (pid & 0xf_ffff) << 10;
    this.replies = new KernelReplies(port, pid);
  }
}
