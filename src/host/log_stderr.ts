/** Log lines on standard error. */
import { processId } from "../../ffi/process.ts";
import { formatLine, writeLine } from "./log_line.ts";
import type { LogEntry, LogSink } from "./log_types.ts";

const STDERR_FILENO = 2;

export class StderrSink implements LogSink {
  readonly #pid = processId();

  write(entry: LogEntry): boolean {
    return writeLine(STDERR_FILENO, formatLine(entry, this.#pid));
  }

  close(): void {}
}
