/**
 * What the daemon says, and where: on standard output and error in the original's form, as VERBOSE wants it; and, in the background,
 * in the journal or the system log, with fields.
 */
import { accessPath, W_OK } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import {
  type Logger,
  logger,
  type LogOutput,
  type LogPriority,
  startLogging,
} from "../../../src/host/log.ts";
import { JOURNAL_SOCKET } from "../../../src/host/log_journal.ts";
import { SYSLOG_SOCKET } from "../../../src/host/log_syslog.ts";
import { STDERR, STDOUT, writeText } from "../../../src/host/standard.ts";
import { manifest } from "../manifest.ts";

export type VoiceFields = Readonly<Record<"GROUP_ID" | "DEVICE" | "PATH", string | number>>;

export class Voice {
  /** Also told of warnings and errors; the starting process, until we serve. */
  listener: ((text: string) => void) | undefined;

  constructor(
    private readonly verbose: number,
    readonly hasConsole: boolean,
    /** Undefined in the foreground. */
    private readonly log: Logger | undefined,
    private fields: VoiceFields,
  ) {}

  /** The group's id may change. */
  setGroup(id: number): void {
    this.fields = { ...this.fields, GROUP_ID: id };
  }

  error(text: string): void {
    this.log?.error("{text}", { text, ...this.fields });
    this.#complain(text);
  }

  warn(text: string): void {
    this.log?.warn("{text}", { text, ...this.fields });
    this.#complain(text);
  }

  /** What happens. */
  info(text: string): void {
    this.log?.info("{text}", { text, ...this.fields });
    if (this.hasConsole && this.verbose > 0) writeText(STDOUT, `${text}\n`);
  }

  /** Every step of it. */
  debug(text: string): void {
    this.log?.debug("{text}", { text, ...this.fields });
    if (this.hasConsole && this.verbose > 1) writeText(STDOUT, `${text}\n`);
  }

  /** What is sent to the kernel. */
  trace(text: string): void {
    if (this.hasConsole && this.verbose > 2) writeText(STDOUT, `${text}\n`);
  }

  #complain(text: string): void {
    if (this.hasConsole) writeText(STDERR, `${text}\n`);
    this.listener?.(text);
  }
}

/** Where a daemon in the background logs: the journal, else the system log, else nowhere. */
function backgroundOutputs(level: LogPriority): LogOutput[] {
  const isThere = (path: string): boolean => accessPath(cString(path), W_OK) === 0;
  if (isThere(JOURNAL_SOCKET)) return [{ level, destination: "journald" }];
  return isThere(SYSLOG_SOCKET) ? [{ level, destination: "syslog" }] : [];
}

/** The voice of a daemon; of one in the background that is not verbose, standard output and error are closed. */
export function makeVoice(
  verbose: number,
  inBackground: boolean,
  level: LogPriority,
  fields: VoiceFields,
): Voice {
  if (!inBackground) return new Voice(verbose, true, undefined, fields);
  const outputs = backgroundOutputs(level);
  const identifier = manifest.name;
  startLogging({ identifier, level, filters: [], outputs, banner: () => [] });
  return new Voice(verbose, verbose > 0, logger(identifier), fields);
}
