/**
 * The journal's native protocol (systemd, "Native Journal Protocol"): one datagram a message, of `NAME=value\n` fields. A value
 * with a line break in it is sent as `NAME\n`, a little-endian 64-bit length, the value, `\n`.
 */
import { statDescriptor, status } from "../../ffi/file.ts";
import { processId } from "../../ffi/process.ts";
import { DatagramTarget } from "./log_datagram.ts";
import type { LogEntry, LogPriority, LogSink } from "./log_types.ts";

export const JOURNAL_SOCKET = "/run/systemd/journal/socket";

const STDERR_FILENO = 2;

/**
 * Whether standard error leads to the journal, systemd.exec(5). That there is the variable does not say so: all that a service starts has
 * it, such as a shell in a terminal whose program is one.
 */
export function hasJournalStream(environment: ReadonlyMap<string, string>): boolean {
  const stream = environment.get("JOURNAL_STREAM");
  if (stream === undefined || statDescriptor(STDERR_FILENO) < 0) return false;
  return stream === `${status.dev}:${status.ino}`;
}

/**
 * Longer values are cut. With this a message always fits a datagram (net.core.wmem_default, 212,992 bytes), so that we need not
 * pass the journal a memfd.
 */
const VALUE_MAX_BYTES = 8_192;
const FIELDS_MAX = 8;

/** syslog.h: LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR */
export const SYSLOG_PRIORITY: Readonly<Record<LogPriority, number>> = { 1: 7, 2: 6, 3: 4, 4: 3 };

const encoder = new TextEncoder();
const LINE_BREAK = 0x0a;
const EQUALS = 0x3d;

/** Appends one field at `offset` and returns the offset behind it. */
function encodeField(name: string, value: string, into: Uint8Array, offset: number): number {
  let at = offset + encoder.encodeInto(name, into.subarray(offset)).written;
  const isLong = value.includes("\n");
  into[at++] = isLong ? LINE_BREAK : EQUALS;
  const valueAt = at + (isLong ? 8 : 0);
  const end = valueAt +
    encoder.encodeInto(value, into.subarray(valueAt, valueAt + VALUE_MAX_BYTES)).written;
  if (isLong) {
    new DataView(into.buffer, into.byteOffset).setBigUint64(at, BigInt(end - valueAt), true);
  }
  into[end] = LINE_BREAK;
  return end + 1;
}

/** Encodes messages for one identifier; the result is valid until the next call. */
export class JournalEncoder {
  readonly #buffer = new Uint8Array((FIELDS_MAX + 5) * (VALUE_MAX_BYTES + 128));
  readonly #common: readonly (readonly [string, string])[];

  constructor(identifier: string, pid: number) {
    this.#common = [["SYSLOG_IDENTIFIER", identifier], ["SYSLOG_PID", String(pid)]];
  }

  encode(entry: LogEntry): Uint8Array<ArrayBuffer> {
    let at = encodeField("MESSAGE", entry.text, this.#buffer, 0);
    at = encodeField("PRIORITY", String(SYSLOG_PRIORITY[entry.priority]), this.#buffer, at);
    for (const [name, value] of this.#common) at = encodeField(name, value, this.#buffer, at);
    if (entry.category !== "") at = encodeField("LOGGER", entry.category, this.#buffer, at);
    let count = 0;
    for (const [name, value] of entry.fields) {
      if (count++ < FIELDS_MAX) at = encodeField(name, value, this.#buffer, at);
    }
    return this.#buffer.subarray(0, at);
  }
}

export class JournalSink implements LogSink {
  readonly #target: DatagramTarget;
  readonly #encoder: JournalEncoder;

  /** Throws Errno. */
  constructor(identifier: string, path = JOURNAL_SOCKET) {
    this.#target = new DatagramTarget(path);
    this.#encoder = new JournalEncoder(identifier, processId());
  }

  write(entry: LogEntry): boolean {
    return this.#target.send(this.#encoder.encode(entry));
  }

  close(): void {
    this.#target.close();
  }
}
