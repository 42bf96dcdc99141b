/** Log lines at the end of a file. A file on a disk that hangs makes the daemon hang: such a file is the administrator's choice. */
import { Errno } from "../../ffi/errno.ts";
import {
  closeDescriptor,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_WRONLY,
  openFile,
} from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import { processId } from "../../ffi/process.ts";
import { formatLine, formatTraditional, writeLine } from "./log_line.ts";
import type { LogEntry, LogSink } from "./log_types.ts";

/** Messages name guests' disks: they are the daemon's user's only. */
const MODE = 0o600;

function openLog(path: string): number {
  const fd = openFile(cString(path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, MODE);
  if (fd < 0) throw new Errno(-fd, "open", path);
  return fd;
}

export class FileSink implements LogSink {
  readonly #pid = processId();
  #fd: number;

  /** `traditionalName`: write traditional lines under this name. Throws Errno. */
  constructor(private readonly path: string, private readonly traditionalName?: string) {
    this.#fd = openLog(path);
    // The time zone is read once, here: a sandbox may hide /etc/localtime later.
    formatTraditional({ timeMs: Date.now(), text: "" }, "");
  }

  write(entry: LogEntry): boolean {
    const line = this.traditionalName === undefined
      ? formatLine(entry, this.#pid)
      : formatTraditional(entry, this.traditionalName);
    return writeLine(this.#fd, line);
  }

  reopen(): void {
    const fd = openLog(this.path);
    closeDescriptor(this.#fd);
    this.#fd = fd;
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}
