/** Messages that are kept for later, in buffers that are used again: nothing is left for the collector. */
import { MAX_REQUEST_DATA_BYTES } from "./limits.ts";
import { MESSAGE_HEADER_BYTES, REQUEST_AT } from "./message.ts";
import { emptyRequest, readRequest, type Request } from "./ulog.ts";

/** A request and its trailer. */
const ENTRY_BYTES = MESSAGE_HEADER_BYTES + MAX_REQUEST_DATA_BYTES + 64;

/** What an entry of the startup list is: a request, or a change of the membership that stands between requests. */
export type EntryKind = "request" | "join" | "leave" | "died";

export interface Entry {
  kind: EntryKind;
  /** The whole message; grown where one is longer. */
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  length: number;
  request: Request;
  /** The node that sent it, or that joined or left. */
  node: number;
  /** When this node's kernel asked. */
  askedMs: number;
  /** Who was server when it was delivered. */
  server: number;
  /** Whether the group has delivered it, so that the server of that moment should have answered. */
  delivered: boolean;
  /** Whether the state has it already: it is to be answered, and to change nothing. */
  isKnown: boolean;
  /** Whether the group has answered it, and the kernel must wait for something else. */
  isDone: boolean;
}

export class EntryPool {
  readonly #free: Entry[] = [];
  /** Entries in use. */
  taken = 0;

  /** An entry with a copy of a message. */
  take(bytes: Uint8Array, length: number): Entry {
    const entry = this.#free.pop() ?? emptyEntry();
    this.taken++;
    if (entry.bytes.length < length) grow(entry, length);
    // The shared buffers are as long as an entry; to cut them first would leave something for the collector.
    if (bytes.length <= entry.bytes.length) entry.bytes.set(bytes);
    else for (let i = 0; i < length; i++) entry.bytes[i] = bytes[i];
    entry.kind = "request";
    entry.length = length;
    entry.node = 0;
    entry.askedMs = 0;
    entry.server = 0;
    entry.delivered = false;
    entry.isDone = false;
    entry.isKnown = false;
    if (length >= MESSAGE_HEADER_BYTES) {
      readRequest(entry.bytes, entry.view, REQUEST_AT, entry.request);
    }
    return entry;
  }

  /** A change of the membership. */
  takeMember(kind: EntryKind, node: number): Entry {
    const entry = this.take(nothing, 0);
    entry.kind = kind;
    entry.node = node;
    return entry;
  }

  give(entry: Entry): void {
    this.taken--;
    this.#free.push(entry);
  }

  giveAll(entries: Entry[]): void {
    for (const entry of entries) this.give(entry);
    entries.length = 0;
  }
}

const nothing = new Uint8Array(0);

function emptyEntry(): Entry {
  const bytes = new Uint8Array(ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  const request = emptyRequest();
  return {
    kind: "request",
    bytes,
    view,
    length: 0,
    request,
    node: 0,
    askedMs: 0,
    server: 0,
    delivered: false,
    isDone: false,
    isKnown: false,
  };
}

function grow(entry: Entry, length: number): void {
  entry.bytes = new Uint8Array(length);
  entry.view = new DataView(entry.bytes.buffer);
}
