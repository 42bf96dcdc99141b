/**
 * The script runner: a process of its own, started before the daemon gives up its privileges, so that scripts have those that an
 * administrator expects them to have. It does what the daemon asks over one socket and nothing else.
 *
 * What can wake it: a script's time that is up · that it may be its turn · SIGCHLD · the daemon's messages, or its end: then the scripts
 * of the running notification are seen through, and the runner ends.
 */
import { Errno, strerror } from "../../../ffi/errno.ts";
import {
  closeDescriptor,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_RDWR,
  O_WRONLY,
  openFile,
  setCloseOnExec,
  setNonBlocking,
} from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { makePipe, peekChild, scheduleRealtime, waitForChild } from "../../../ffi/process.ts";
import {
  blockSignals,
  SIGCHLD,
  SIGHUP,
  SIGINT,
  SIGKILL,
  SignalDescriptor,
  SIGQUIT,
  SIGTERM,
} from "../../../ffi/signal.ts";
import { releaseStartupCode, WorkRelease } from "../../../src/host/footprint.ts";
import { writeLine } from "../../../src/host/log_line.ts";
import { EPOLLIN, Reactor, type Timer } from "../../../src/host/reactor.ts";
import { OOM_SCORE, REALTIME_PRIORITY, RELEASE_AFTER_MS, RELEASE_EVERY } from "../limits.ts";
import { IDLE, type RunnerAction, type RunnerEvent, runnerStep } from "../runner_machine.ts";
import {
  decodeDown,
  encodeMessage,
  type RunnerSettings,
  type RunRequest,
  type Up,
} from "../runner_protocol.ts";
import { Channel } from "./channel.ts";
import { countLiving, signalSession } from "./processes.ts";
import { setOomScore } from "./rank.ts";
import { findScripts } from "./script_files.ts";
import { baseName, describeEnd, spawnScript } from "./script_process.ts";
import { Turn } from "./turn.ts";

/** The argument by which the program knows that it is the runner. */
export const RUNNER_ARGUMENT = "@runner";
/** Where it finds the socket. */
export const RUNNER_DESCRIPTOR = 3;

/** A terminal's are for the daemon, with which a runner ends; one that is told by SIGTERM ends as it does then. */
const SIGNALS = [SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP];
const LOG_MODE = 0o644;

/** Serves the daemon until it is gone. */
export function runRunner(): void {
  blockSignals(SIGNALS);
  setCloseOnExec(RUNNER_DESCRIPTOR, true);
  setNonBlocking(RUNNER_DESCRIPTOR); // a service manager's connection is not
  const reactor = new Reactor();
  new Runner(reactor, RUNNER_DESCRIPTOR);
  reactor.after(RELEASE_AFTER_MS, releaseStartupCode);
  reactor.run();
}

class Runner {
  readonly #state = { ...IDLE };
  readonly #channel: Channel;
  readonly #signals = new SignalDescriptor(SIGNALS);
  readonly #devNull = openFile(cString("/dev/null"), O_RDWR | O_CLOEXEC, 0);
  #settings: RunnerSettings | undefined;
  #turn: Turn | undefined;
  #request: RunRequest | undefined;
  #isSubstitute = false;
  readonly #release = new WorkRelease(RELEASE_EVERY);
  /** The script that runs, or whose others are still looked after; 0: none. */
  #pid = 0;
  #hasExited = false;
  #wake: Timer | undefined;
  #isEnding = false;
  /** So that a log that cannot be written is mentioned once. */
  #takesLog = true;

  constructor(private readonly reactor: Reactor, fd: number) {
    this.#channel = new Channel(reactor, fd, {
      message: (bytes) => this.#take(bytes),
      closed: () => this.#end(),
    });
    reactor.watch(this.#signals.fd, EPOLLIN, () => this.#readSignals());
  }

  #take(bytes: Uint8Array): void {
    const message = decodeDown(bytes);
    if (message?.type === "settings") this.#configure(message);
    else if (message?.type === "run" && this.#settings !== undefined) this.#run(message);
    else this.#note("warn", "the runner was sent what makes no sense to it");
  }

  #configure(settings: RunnerSettings): void {
    this.#settings = settings;
    this.#state.timeoutMs = settings.timeoutMs;
    this.#turn = new Turn(this.reactor, settings.lockFile, (...note) => this.#note(...note));
    if (settings.realtime) scheduleRealtime(REALTIME_PRIORITY);
    this.#protect(true);
  }

  /** A notification that waits for its turn is one that is not delivered. */
  #end(): void {
    this.#isEnding = true;
    if (this.#state.phase === "idle") this.reactor.stop();
  }

  /** SIGTERM is for us alone: what a terminal or a service manager sends to all, the daemon takes for the end of both. */
  #readSignals(): void {
    for (let signal = this.#signals.read(); signal !== 0; signal = this.#signals.read()) {
      if (signal === SIGTERM) this.#end();
    }
    this.#look();
  }

  /** One signal may stand for several children, and one of them may be none of ours to wait for. */
  #look(): void {
    if (this.#pid === 0 || this.#hasExited) return;
    const { pid, status } = peekChild(this.#pid);
    if (pid === 0) return;
    this.#hasExited = true;
    this.#tell({ type: "exited", how: pid < 0 ? "unknown" : describeEnd(status) });
  }

  /** The script's number may be another's from now on. */
  #reap(): void {
    if (this.#pid !== 0) waitForChild(this.#pid, true);
    this.#pid = 0;
    this.#hasExited = false;
  }

  #run(request: RunRequest): void {
    this.#turn?.take(() => this.#begin(request));
  }

  #begin(request: RunRequest): void {
    const settings = this.#settings as RunnerSettings;
    this.#request = request;
    const scripts = findScripts(settings, request.reason, ({ message }) => {
      this.#note("warn", `no script can be run: ${message}`);
    });
    this.#isSubstitute = scripts.length === 1 && settings.substitutes.includes(scripts[0]);
    this.#tell({ type: "run", sequence: request.sequence, scripts });
  }

  #tell(event: RunnerEvent): void {
    for (const action of runnerStep(this.#state, event, this.reactor.now())) this.#perform(action);
  }

  #perform(action: RunnerAction): void {
    const { sequence } = this.#state;
    switch (action.type) {
      case "spawn":
        return this.#spawn(action.script);
      case "started":
        return this.#say({ ...action, sequence });
      case "ended":
        this.#reap();
        this.#noteInFile(`finished ${baseName(action.script)}`);
        return this.#say({ ...action, sequence });
      case "done":
        this.#turn?.release();
        this.#say(action);
        this.#release.did(true);
        return this.#isEnding ? this.reactor.stop() : undefined;
      case "wakeAfter":
        this.#wake = this.reactor.after(action.delayMs, () => this.#tell({ type: "timeUp" }));
        return;
      case "forgetWake":
        return this.reactor.cancel(this.#wake);
      case "count":
        return this.#tell({ type: "others", count: countLiving(this.#pid) });
      case "signal":
        signalSession(this.#pid, action.signal === "SIGTERM" ? SIGTERM : SIGKILL);
    }
  }

  /** What it starts has our descriptors by number only where they are listed here. */
  #spawn(path: string): void {
    this.#noteInFile(`starting ${baseName(path)}`);
    const opened: number[] = [];
    try {
      const { environment } = this.#request as RunRequest;
      this.#protect(false);
      this.#pid = spawnScript({
        path,
        calledAs: this.#isSubstitute ? baseName(path) : path,
        environment: new Map(environment),
        descriptors: this.#descriptors(opened),
        // Only a script that may be ended together with its children is made different from the original's.
        newSession: this.#state.timeoutMs > 0,
      });
      this.#turn?.began(this.#pid);
      this.#tell({ type: "spawned", pid: this.#pid });
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.#tell({ type: "spawnFailed", reason: error.message });
    } finally {
      this.#protect(true);
      for (const fd of opened) closeDescriptor(fd);
    }
  }

  /** A script has the score that we have while it is started. The daemon tells where this is refused. */
  #protect(on: boolean): void {
    if (this.#settings?.protectFromOom === true) setOomScore(on ? OOM_SCORE : 0);
  }

  /** `opened`: appended to, for those to close afterwards. */
  #descriptors(opened: number[]): [number, number][] {
    const list: [number, number][] = [];
    const input = this.#request?.input ?? null;
    if (input !== null) list.push([this.#pipeWith(input, opened), 0]);
    if (this.#isSubstitute) return list;
    const output = this.#settings?.debug === true ? this.#openLog() : -1;
    if (output >= 0) opened.push(output);
    const target = output >= 0 ? output : this.#devNull;
    return [...list, [target, 1], [target, 2]];
  }

  /** A pipe that holds the text already, and then its end: whether or not it is read makes no difference to us. */
  #pipeWith(text: string, opened: number[]): number {
    const { read, write } = makePipe();
    opened.push(read);
    setNonBlocking(write);
    if (!writeLine(write, text)) this.#note("warn", "JSON cut: a pipe does not hold all of it");
    closeDescriptor(write);
    return read;
  }

  /** Opened anew each time, so that log rotation needs to tell nobody. */
  #openLog(): number {
    const flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    return openFile(cString(this.#settings?.logFile ?? ""), flags, LOG_MODE);
  }

  /** As the original's cman_notify did, which a substitute does itself. A log that cannot be written keeps no script from running. */
  #noteInFile(line: string): void {
    if (this.#isSubstitute) return;
    const fd = this.#openLog();
    const isTaken = fd >= 0 && writeLine(fd, `${line}\n`);
    if (fd >= 0) closeDescriptor(fd);
    if (!isTaken && this.#takesLog) {
      const reason = fd < 0 ? strerror(-fd) : "is the disk full?";
      this.#note("warn", `"${this.#settings?.logFile}" takes no lines: ${reason}`);
    }
    this.#takesLog = isTaken;
  }

  #note(level: "info" | "warn", text: string): void {
    this.#say({ type: "note", level, text });
  }

  #say(message: Up): void {
    this.#channel.send(encodeMessage(message));
  }
}
