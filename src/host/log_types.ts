/** What the parts of the logger, and a daemon's log settings, share. */

/** libvirt's priorities: 1 debug, 2 info, 3 warning, 4 error. */
export type LogPriority = 1 | 2 | 3 | 4;

/** One place that messages go to. */
export interface LogOutput {
  /** The lowest priority that goes there. */
  readonly level: LogPriority;
  readonly destination: "stderr" | "syslog" | "file" | "journald";
  /** The identifier of a syslog output, the path of a file output. */
  readonly argument?: string;
  /** Of a file output: lines in the old form of the system log, `Mmm dd hh:mm:ss NAME TEXT`, under this name. */
  readonly traditionalName?: string;
  /** Of a syslog output: LOG_… of syslog.h; LOG_DAEMON where there is none. */
  readonly facility?: number;
}

/** The lowest priority of the loggers whose category, joined with dots, contains `match` (`*` and `?` are wildcards). */
export interface LogFilter {
  readonly level: LogPriority;
  readonly match: string;
}

/** One message on its way to the outputs. */
export interface LogEntry {
  /** Since the epoch. */
  readonly timeMs: number;
  readonly priority: LogPriority;
  /** The logger's category, joined with dots. */
  readonly category: string;
  readonly text: string;
  /** Structured fields, by the names that the journal has for them. */
  readonly fields: ReadonlyMap<string, string>;
}

/** An open output. Neither method throws, and write() does not wait. */
export interface LogSink {
  /** False when the message was dropped. */
  write(entry: LogEntry): boolean;
  close(): void;
  /** Begins a new file under the same name, where that means something. Throws Errno; the old file then stays in use. */
  reopen?(): void;
}
