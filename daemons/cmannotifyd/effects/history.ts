/** The last notifications and what became of their scripts, for `status`. */
import { HISTORY_LENGTH } from "../limits.ts";
import type { Notification } from "../notification.ts";
import type { Up } from "../runner_protocol.ts";

export interface ScriptRun {
  readonly script: string;
  readonly pid: number | null;
  /** ISO 8601, UTC; null for one that could not be started. */
  readonly started: string | null;
  /** `exit 0`, `signal 9`, why it could not be started; null while it runs. */
  how: string | null;
  ranMs: number | null;
  timedOut: boolean;
}

export interface HistoryEntry {
  readonly notification: Notification;
  readonly scripts: ScriptRun[];
  done: boolean;
}

export class History {
  readonly #entries: HistoryEntry[] = [];

  get entries(): readonly HistoryEntry[] {
    return this.#entries;
  }

  began(notification: Notification): void {
    this.#entries.push({ notification, scripts: [], done: false });
    if (this.#entries.length > HISTORY_LENGTH) this.#entries.shift();
  }

  said(message: Up): void {
    const entry = this.#entries.at(-1);
    if (entry === undefined || message.type === "note") return;
    if (message.type === "done") entry.done = true;
    else if (message.type === "started") {
      const { script, pid } = message;
      const started = new Date().toISOString();
      entry.scripts.push({ script, pid, started, how: null, ranMs: null, timedOut: false });
    } else this.#ended(entry, message);
  }

  #ended(
    entry: HistoryEntry,
    { script, how, ranMs, timedOut }: Extract<Up, { type: "ended" }>,
  ): void {
    const last = entry.scripts.at(-1);
    if (last === undefined || last.how !== null) {
      entry.scripts.push({ script, pid: null, started: null, how, ranMs, timedOut });
    } else Object.assign(last, { how, ranMs, timedOut });
  }
}
