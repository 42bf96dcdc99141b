/**
 * The system log's datagram socket, in the format that glibc's syslog(3) sends (misc/syslog.c; RFC 3164 without the host):
 * `<PRIORITY>Mmm dd hh:mm:ss IDENT[PID]: TEXT`, in local time.
 */
import { processId } from "../../ffi/process.ts";
import { DatagramTarget } from "./log_datagram.ts";
import { SYSLOG_PRIORITY } from "./log_journal.ts";
import { oneLine } from "./log_line.ts";
import type { LogEntry, LogSink } from "./log_types.ts";

export const SYSLOG_SOCKET = "/dev/log";

/** syslog.h */
const LOG_DAEMON = 3 << 3;
export const LOG_LOCAL4 = 20 << 3;
/** What every syslog daemon takes in one message by default (rsyslog: 8 KiB). */
const MESSAGE_MAX_BYTES = 8_192;

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** `Mar  1 12:00:00` */
export function syslogTime(timeMs: number): string {
  const time = new Date(timeMs);
  const day = String(time.getDate()).padStart(2);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${MONTHS[time.getMonth()]} ${day} ${clock}`;
}

/** A message as glibc's syslog(3) sends it: `<PRIORITY>Mmm dd hh:mm:ss IDENTIFIER[PID]: TEXT`. */
export function formatSyslog(
  entry: LogEntry,
  identifier: string,
  pid: number,
  facility = LOG_DAEMON,
): string {
  const priority = facility | SYSLOG_PRIORITY[entry.priority];
  return `<${priority}>${syslogTime(entry.timeMs)} ${identifier}[${pid}]: ${oneLine(entry.text)}`;
}

const encoder = new TextEncoder();

export class SyslogSink implements LogSink {
  readonly #target: DatagramTarget;
  readonly #pid = processId();
  readonly #buffer = new Uint8Array(MESSAGE_MAX_BYTES);

  /** Throws Errno. */
  constructor(
    private readonly identifier: string,
    path = SYSLOG_SOCKET,
    private readonly facility = LOG_DAEMON,
  ) {
    this.#target = new DatagramTarget(path);
    // The time zone is read once, here: a sandbox may hide /etc/localtime later.
    syslogTime(Date.now());
  }

  write(entry: LogEntry): boolean {
    const text = formatSyslog(entry, this.identifier, this.#pid, this.facility);
    return this.#target.send(
      this.#buffer.subarray(0, encoder.encodeInto(text, this.#buffer).written),
    );
  }

  close(): void {
    this.#target.close();
  }
}
