/**
 * The log: loggers by category on top of LogTape, outputs of our own that never wait and never throw.
 *
 *     const log = logger("locking", "lockspace");
 *     log.warn('cannot lock "{RESOURCE}" for "{OWNER}": {reason}', { RESOURCE: name, OWNER: owner, reason });
 *
 * - The text is a constant; what varies is a property, named in braces. A value may then hold anything, braces included.
 * - A property in capitals (A–Z, 0–9, _) is also a structured field of the journal, whether or not the text names it.
 * - Levels used: debug, info, warn, error, which are libvirt's 1, 2, 3, 4.
 * - Before startLogging(), warnings and errors go to standard error.
 */
import {
  configureSync,
  getLogger,
  type Logger as TapeLogger,
  type LogLevel,
  type LogRecord,
} from "@logtape/logtape";
import { FileSink } from "./log_file.ts";
import { isMatched } from "./log_filter.ts";
import { JournalSink } from "./log_journal.ts";
import { StderrSink } from "./log_stderr.ts";
import { SYSLOG_SOCKET, SyslogSink } from "./log_syslog.ts";
import type { LogEntry, LogFilter, LogOutput, LogPriority, LogSink } from "./log_types.ts";

export type { LogFilter, LogOutput, LogPriority } from "./log_types.ts";

export interface LogSettings {
  /** The daemon's name, for the journal. */
  readonly identifier: string;
  /** The lowest priority of loggers that no filter matches. */
  readonly level: LogPriority;
  /** The first that matches counts. */
  readonly filters: readonly LogFilter[];
  readonly outputs: readonly LogOutput[];
  /** Gives the lines that stand in front of the first message of each output. */
  readonly banner: () => readonly string[];
}

interface OpenOutput {
  output: LogOutput;
  /** Whether its level is the general one, and changes with it (setLogLevel()). */
  readonly isGeneral: boolean;
  readonly sink: LogSink;
  bannerIsDue: boolean;
  /** Messages that it could not take since the last one that it took. */
  lost: number;
}

const LEVELS: Readonly<Record<LogPriority, LogLevel>> = {
  1: "debug",
  2: "info",
  3: "warning",
  4: "error",
};
const PRIORITIES: Readonly<Record<LogLevel, LogPriority>> = {
  trace: 1,
  debug: 1,
  info: 2,
  warning: 3,
  error: 4,
  fatal: 4,
};

const EARLY: LogSettings = {
  identifier: "",
  level: 3,
  filters: [],
  outputs: [{ level: 3, destination: "stderr" }],
  banner: () => [],
};

let settings: LogSettings | undefined;
/** Whether LogTape has been told of any settings. */
let isConfigured = false;
let open: OpenOutput[] = [];
let dropped = 0;

function openSink(output: LogOutput, identifier: string): LogSink {
  switch (output.destination) {
    case "stderr":
      return new StderrSink();
    case "file":
      return new FileSink(output.argument ?? "", output.traditionalName);
    case "syslog":
      return new SyslogSink(output.argument ?? identifier, SYSLOG_SOCKET, output.facility);
    case "journald":
      return new JournalSink(identifier);
  }
}

/** All of them or none. Throws Errno. */
function openOutputs({ outputs, identifier, level }: LogSettings): OpenOutput[] {
  const opened: OpenOutput[] = [];
  try {
    for (const output of outputs) {
      const sink = openSink(output, identifier);
      const isGeneral = output.level === level;
      opened.push({ output, isGeneral, sink, bannerIsDue: true, lost: 0 });
    }
  } catch (error) {
    for (const { sink } of opened) sink.close();
    throw error;
  }
  return opened;
}

function categoryFilter({ level, filters }: LogSettings): (record: LogRecord) => boolean {
  const known = new Map<string, LogPriority>();
  return (record) => {
    const category = record.category.join(".");
    let lowest = known.get(category);
    if (lowest === undefined) {
      lowest = filters.find(({ match }) => isMatched(category, match))?.level ?? level;
      known.set(category, lowest);
    }
    return PRIORITIES[record.level] >= lowest;
  };
}

function configure(next: LogSettings): void {
  const lowest = next.filters.reduce<number>(
    (least, { level }) => Math.min(least, level),
    next.level,
  );
  configureSync({
    reset: true,
    sinks: { outputs: emit },
    filters: { category: categoryFilter(next) },
    loggers: [
      {
        category: [],
        sinks: ["outputs"],
        filters: next.filters.length > 0 ? ["category"] : [],
        lowestLevel: LEVELS[lowest as LogPriority],
      },
      // LogTape's own notices, whose default is the console.
      { category: ["logtape", "meta"], parentSinks: "override", lowestLevel: "fatal" },
    ],
  });
  isConfigured = true;
}

/** LogTape is set up by the first message, which most daemons have after they are ready: that takes a millisecond. */
function use(next: LogSettings): void {
  if (isConfigured) configure(next);
  settings = next;
}

/** Opens the outputs and begins. Throws Errno for one that cannot be opened; the former ones then stay in use. */
export function startLogging(next: LogSettings): void {
  const opened = openOutputs(next);
  use(next);
  for (const { sink } of open) sink.close();
  open = opened;
}

/** Changes what is given. Throws Errno for an output that cannot be opened; then nothing changes. */
export function reconfigureLogging(
  change: Partial<Pick<LogSettings, "filters" | "outputs">>,
): void {
  const next = { ...(settings ?? EARLY), ...change };
  if (change.outputs === undefined) use(next);
  else startLogging(next);
}

/** Changes the general level, and with it that of the outputs that were opened with the general one. */
export function setLogLevel(level: LogPriority): void {
  if (settings === undefined) startLogging(EARLY);
  for (const one of open) if (one.isGeneral) one.output = { ...one.output, level };
  use({ ...(settings ?? EARLY), level, outputs: open.map(({ output }) => output) });
}

type Properties = Record<string, unknown>;

/** Says what it is given under its category, by LogTape's logger of that name. */
export class Logger {
  #tape: TapeLogger | undefined;

  constructor(private readonly category: readonly string[]) {}

  debug(text: string, properties?: Properties): void {
    this.#logger.debug(text, properties);
  }

  info(text: string, properties?: Properties): void {
    this.#logger.info(text, properties);
  }

  warn(text: string, properties?: Properties): void {
    this.#logger.warn(text, properties);
  }

  error(text: string, properties?: Properties): void {
    this.#logger.error(text, properties);
  }

  /** Whether a message of the level would go anywhere. */
  isEnabledFor(level: LogLevel): boolean {
    return this.#logger.isEnabledFor(level);
  }

  get #logger(): TapeLogger {
    return this.#tape ??= tapeLogger(this.category);
  }
}

function tapeLogger(category: readonly string[]): TapeLogger {
  if (settings === undefined) startLogging(EARLY);
  if (!isConfigured) configure(settings ?? EARLY);
  return getLogger(category);
}

/** A logger. The category goes from the general to the particular, and filters match it joined with dots. */
export function logger(...category: string[]): Logger {
  return new Logger(category);
}

/** The outputs that startLogging() was given, as are filters and level. */
export function currentOutputs(): readonly LogOutput[] {
  return (settings ?? EARLY).outputs;
}

export function currentFilters(): readonly LogFilter[] {
  return (settings ?? EARLY).filters;
}

export function currentLevel(): LogPriority {
  return (settings ?? EARLY).level;
}

/** How many messages an output could not take. */
export function droppedMessages(): number {
  return dropped;
}

/** Begins new log files under the same names, after a rotation. Throws Errno; the old file then stays in use. */
export function reopenLogFiles(): void {
  for (const { sink } of open) sink.reopen?.();
}

function emit(record: LogRecord): void {
  const entry = entryOf(record);
  for (const output of open) {
    if (entry.priority < output.output.level) continue;
    if (output.bannerIsDue) writeBanner(output, entry);
    const isTaken = output.sink.write(entry);
    if (!isTaken) dropped++;
    if (output.output.destination === "file") tellOfLoss(output, isTaken, entry.timeMs);
  }
}

/** A file that takes nothing, as on a full disk, is mentioned in the other outputs; and in the file itself, once it takes again. */
function tellOfLoss(output: OpenOutput, isTaken: boolean, timeMs: number): void {
  const notice = (text: string): LogEntry => ({
    timeMs,
    priority: 3,
    category: "log",
    text,
    fields: new Map(),
  });
  if (isTaken) {
    if (output.lost > 0) {
      output.sink.write(notice(`${output.lost} messages before the last are lost`));
    }
    output.lost = 0;
    return;
  }
  if (output.lost++ > 0) return;
  const text = `the log file "${output.output.argument}" takes no messages: is the disk full?`;
  for (const other of open) if (other !== output) other.sink.write(notice(text));
}

function writeBanner(output: OpenOutput, { timeMs }: LogEntry): void {
  output.bannerIsDue = false;
  for (const text of settings?.banner() ?? []) {
    output.sink.write({ timeMs, priority: 2, category: "", text, fields: new Map() });
  }
}

const FIELD_NAME = /^[A-Z][A-Z0-9_]*$/;

function entryOf(record: LogRecord): LogEntry {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(record.properties)) {
    if (FIELD_NAME.test(name)) fields.set(name, plain(value));
  }
  return {
    timeMs: record.timestamp,
    priority: PRIORITIES[record.level],
    category: record.category.join("."),
    text: record.message.map(plain).join(""),
    fields,
  };
}

function plain(value: unknown): string {
  return value instanceof Error ? value.message : String(value);
}
