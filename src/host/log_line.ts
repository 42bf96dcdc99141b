/** Log lines: libvirt's format, and writing them to a descriptor. */
import { EINTR } from "../../ffi/errno.ts";
import { writeWithoutWaiting } from "../../ffi/poll.ts";
import { printable } from "./printable.ts";
import type { LogEntry, LogPriority } from "./log_types.ts";

const NAMES: Readonly<Record<LogPriority, string>> = {
  1: "debug",
  2: "info",
  3: "warning",
  4: "error",
};

/** A line is cut here: far more than a path and the words around it. */
const LINE_MAX_CHARACTERS = 16_384;

/** Text as one line, of bounded length. */
export function oneLine(text: string): string {
  return printable(text.slice(0, LINE_MAX_CHARACTERS));
}

/** `2024-03-01 12:00:00.123+0000` */
export function timestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("T", " ").replace("Z", "+0000");
}

/**
 * libvirt's line (virLogFormatString of src/util/virlog.c), with the logger's category where it has the function and line:
 * `TIME: PID: LEVEL : CATEGORY : TEXT`.
 */
export function formatLine(entry: LogEntry, pid: number): string {
  const { timeMs, priority, category, text } = entry;
  const source = category === "" ? "" : `${category} : `;
  return `${timestamp(timeMs)}: ${pid}: ${NAMES[priority]} : ${source}${oneLine(text)}\n`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** `Mar 01 12:00:00 NAME TEXT`, in local time: strftime's `%b %d %T`. */
export function formatTraditional(
  { timeMs, text }: Pick<LogEntry, "timeMs" | "text">,
  name: string,
): string {
  const time = new Date(timeMs);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${MONTHS[time.getMonth()]} ${two(time.getDate())} ${clock} ${name} ${oneLine(text)}\n`;
}

const encoder = new TextEncoder();

/** Writes a line; false when it, or its end, was dropped because nobody reads or the disk is full. */
export function writeLine(fd: number, line: string): boolean {
  let rest = encoder.encode(line);
  while (rest.length > 0) {
    const count = writeWithoutWaiting(fd, rest);
    if (count === -EINTR) continue;
    if (count <= 0) return false;
    rest = rest.subarray(count);
  }
  return true;
}
