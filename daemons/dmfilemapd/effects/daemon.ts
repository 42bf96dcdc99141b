/**
 * The running daemon. What can wake it, in the order of dispatch:
 *
 *     timers      rest · settle · trim · check · empty · missing · holders · list
 *     signals     SIGTERM SIGINT SIGQUIT SIGHUP end · SIGUSR1 update
 *     inotify     the file · the folders on the way to it · the use of device-mapper by others
 *     control     status · follow · stop
 */
import {
  SIGHUP,
  SIGINT,
  SIGIO,
  SignalDescriptor,
  SIGQUIT,
  SIGTERM,
  SIGUSR1,
} from "../../../ffi/signal.ts";
import { EPOLLIN, type Reactor, type Timer } from "../../../src/host/reactor.ts";
import type { Group } from "../group.ts";
import {
  type Action,
  type Ending,
  type Event,
  initialState,
  type Settings,
  step,
  type TimerName,
  type Work,
} from "../machine.ts";
import { StatsError } from "../stats_device.ts";
import type { FollowedFile } from "./file.ts";
import type { Updater } from "./updater.ts";
import type { UpdateMetrics } from "./update_metrics.ts";
import type { Voice } from "./voice.ts";
import type { Watches } from "./watches.ts";

/** Blocked before anything else is done. SIGIO would tell of a lease that is asked back, and by default ends a process. */
export const SIGNALS = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGIO];

export interface DaemonParts {
  readonly reactor: Reactor;
  readonly watches: Watches;
  readonly file: FollowedFile;
  readonly group: Group;
  readonly updater: Updater;
  readonly metrics: UpdateMetrics;
  readonly voice: Voice;
  readonly path: string;
  /** In inode mode, the descriptor. */
  readonly fd: number | undefined;
}

const LAST_WORDS: Readonly<Record<Ending, (path: string) => string | undefined>> = {
  removed: () => "Filemap group removed: exiting.",
  empty: () => "File contains no extents: exiting.",
  unlinked: () => "File unlinked and closed: exiting.",
  missing: () => "Could not re-open file descriptor.",
  refused: () => "Exiting",
  stopped: () => undefined,
};
const FAILURES: ReadonlySet<Ending> = new Set(["missing", "refused"]);

export class Daemon {
  readonly #state;
  readonly #timers = new Map<TimerName, Timer>();
  readonly #signals = new SignalDescriptor(SIGNALS);
  readonly #endings: (() => void)[] = [];
  #ending: Ending | undefined;

  constructor(private readonly parts: DaemonParts, settings: Settings) {
    this.#state = initialState(settings);
    const { reactor, watches } = parts;
    reactor.watch(this.#signals.fd, EPOLLIN, () => this.#readSignals());
    reactor.watch(watches.fd, EPOLLIN, () => this.#readWatches());
  }

  /** Whether the file has lost its last name. */
  get isUnlinked(): boolean {
    return this.#state.isUnlinked;
  }

  /** What the daemon waits for, for its status. */
  get waits(): string[] {
    const timers = [...this.#timers].filter(([name, { slot }]) => slot >= 0 && name !== "rest");
    return ["events", ...timers.map(([name]) => name)];
  }

  /** The exit code once the daemon has ended, else undefined. */
  get exitCode(): number | undefined {
    return this.#ending === undefined ? undefined : FAILURES.has(this.#ending) ? 1 : 0;
  }

  /** Adds something to be done when the daemon ends. */
  atEnd(action: () => void): void {
    this.#endings.push(action);
  }

  /** Brings the regions in line now that the watches are set; false when that was the end. */
  begin(): boolean {
    this.dispatch({ type: "asked" });
    return this.#ending === undefined;
  }

  /** Runs until the end; the exit code. */
  serve(): number {
    if (this.#ending === undefined) this.parts.reactor.run();
    return this.exitCode ?? 0;
  }

  /** Takes an event, and whatever comes of it. */
  dispatch(event: Event): void {
    const events: Event[] = [event];
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      for (const action of step(this.#state, next, this.parts.reactor.now())) {
        const answer = this.#perform(action);
        if (answer !== undefined) events.push(answer);
      }
    }
  }

  #readWatches(): void {
    const { watches, metrics } = this.parts;
    metrics.wakes.add();
    for (const event of watches.read()) this.dispatch(event);
  }

  #readSignals(): void {
    for (let signal = this.#signals.read(); signal !== 0; signal = this.#signals.read()) {
      if (signal === SIGUSR1) this.dispatch({ type: "asked" });
      else if (signal !== SIGIO) this.dispatch({ type: "stopped" });
    }
  }

  #perform(action: Action): Event | undefined {
    const { reactor, watches } = this.parts;
    switch (action.do) {
      case "work":
        return this.#work(action.work);
      case "arm":
        return this.#arm(action.timer, action.ms);
      case "cancel":
        reactor.cancel(this.#timers.get(action.timer));
        return undefined;
      case "pause":
        reactor.rewatch(watches.fd, 0);
        return undefined;
      case "resume":
        reactor.rewatch(watches.fd, EPOLLIN);
        if (watches.hasMore) reactor.defer(() => this.#readWatches());
        return undefined;
      case "dissolve":
        return this.#dissolve();
      case "note":
        return this.#note(action.note);
      case "end":
        return this.#end(action.why);
    }
  }

  #arm(timer: TimerName, ms: number): undefined {
    const { reactor } = this.parts;
    reactor.cancel(this.#timers.get(timer));
    this.#timers.set(timer, reactor.after(ms, () => this.dispatch({ type: "timer", timer })));
  }

  #work(work: Work): Event {
    const { file, updater, reactor } = this.parts;
    if (work === "look") return updater.look();
    if (work === "list") return this.#list();
    if (work === "holders") return { type: "holdersSeen", ...file.holders() };
    const beganMs = reactor.now();
    return { type: "probed", writer: file.probe(), tookMs: reactor.now() - beganMs };
  }

  #list(): Event {
    const { group, metrics, reactor, voice } = this.parts;
    const beganMs = reactor.now();
    metrics.lists.add();
    try {
      return { type: "listed", present: group.refresh(), tookMs: reactor.now() - beganMs };
    } catch (error) {
      if (!(error instanceof StatsError)) throw error;
      voice.error(error.message);
      voice.error("Failed to list stats handle.");
      return { type: "listFailed" };
    }
  }

  #dissolve(): undefined {
    const { updater, voice } = this.parts;
    try {
      updater.dissolve();
    } catch (error) {
      if (!(error instanceof StatsError)) throw error;
      voice.error(error.message);
    }
  }

  #note(note: "unlinked" | "linked"): undefined {
    const { watches, fd, voice } = this.parts;
    if (note === "linked" || fd === undefined) return;
    watches.setWithReaders(fd);
    voice.info("File unlinked and open: continuing.");
  }

  #end(why: Ending): undefined {
    const { voice, path, reactor } = this.parts;
    this.#ending = why;
    const words = LAST_WORDS[why](path);
    if (words !== undefined) {
      if (FAILURES.has(why)) voice.error(words);
      else if (why === "empty") voice.warn(words);
      else voice.info(words);
    }
    if (why === "missing") voice.error("Exiting");
    for (const action of this.#endings.splice(0)) action();
    reactor.stop();
  }
}
