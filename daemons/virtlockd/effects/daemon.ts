/**
 * The running daemon. What can wake it, in the order of dispatch:
 *
 *     timers      idle exit · lease retry · stalled peers · SIGKILL for holders · a re-exec that waits
 *     signals     SIGTERM SIGINT SIGQUIT end · SIGUSR1 re-exec · SIGHUP reopen logs
 *     listeners   virtlockd-sock · virtlockd-admin-sock · control
 *     clients     their calls, room for replies, their end
 *     pidfds      a holder that was being ended has died
 */
import { Errno } from "../../../ffi/errno.ts";
import {
  SIGHUP,
  SIGINT,
  SignalDescriptor,
  signalName,
  SIGQUIT,
  SIGTERM,
  SIGUSR1,
} from "../../../ffi/signal.ts";
import { type Logger, logger, reopenLogFiles } from "../../../src/host/log.ts";
import type { PidFile } from "../../../src/host/pidfile.ts";
import type { Program } from "../../../src/host/program.ts";
import { EPOLLIN, type Reactor, type Timer } from "../../../src/host/reactor.ts";
import { type ProgramKind, programKind, replaceProgram } from "../../../src/host/reexec.ts";
import { encodeHandover } from "../handover.ts";
import { HANDOVER_WAIT_MS, KILL_GIVE_UP_MS } from "../limits.ts";
import type { AdminServiceClient } from "./admin_service.ts";
import { peerHasEnded } from "./holders.ts";
import { captureState, keptDescriptors, obstacles, type Service } from "./handover.ts";
import type { LockClient, LockService } from "./lock_service.ts";
import type { Server } from "./server.ts";
import { leaveState, removeState } from "./state_file.ts";
import { checkStateSize, leastStateBytes } from "./state_size.ts";

/** The signals that the daemon reads from a descriptor. Blocked before anything else is done. */
export const SIGNALS = [SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGHUP];
const ENDING = [SIGTERM, SIGINT, SIGQUIT];

/** How often a re-exec looks whether nothing is in flight any more. */
const QUIET_CHECK_MS = 10;

export interface DaemonParts {
  readonly program: Program;
  readonly lockService: LockService;
  readonly lockServer: Server<LockClient>;
  readonly adminServer: Server<AdminServiceClient> | undefined;
  readonly pidFile: PidFile | undefined;
  readonly stateFile: string;
  /** The arguments that the C daemon would take. */
  readonly originalArgs: readonly string[];
  /** Throws when a successor of this kind could not begin with the settings as they are now. */
  readonly checkSettings: (successor: ProgramKind) => void;
}

/** What the signals that have come ask for. */
interface Demands {
  /** To end, and why. */
  end: string | undefined;
  reopen: boolean;
  reexec: boolean;
}

export class Daemon {
  readonly #log: Logger;
  readonly #signals: SignalDescriptor;
  #idleTimeoutS = 0;
  #idle: Timer | undefined;
  #ending = false;
  #over = false;
  #handover: Timer | undefined;
  #refusals = 0;
  readonly #endings: (() => void)[] = [];

  constructor(private readonly reactor: Reactor, private readonly parts: DaemonParts) {
    this.#log = logger("locking", "lock_daemon");
    this.#signals = new SignalDescriptor(SIGNALS);
    reactor.watch(this.#signals.fd, EPOLLIN, () => this.#obeySignals());
  }

  /** Refused or failed attempts at a re-exec. */
  get refusedReexecs(): number {
    return this.#refusals;
  }

  /** Ends the daemon after so many seconds without clients and locks; 0 for never. */
  setIdleTimeout(seconds: number): void {
    this.#idleTimeoutS = seconds;
    this.reactor.cancel(this.#idle);
    this.#idle = undefined;
    this.checkIdle();
  }

  get idleTimeoutS(): number {
    return this.#idleTimeoutS;
  }

  /** To be called when clients or locks came or went. */
  checkIdle(): void {
    if (this.#idleTimeoutS === 0) return;
    const { lockService, lockServer, adminServer } = this.parts;
    const idle = lockServer.clients.size === 0 && (adminServer?.clients.size ?? 0) === 0 &&
      lockService.machine.table.size === 0 && lockService.holders.count === 0;
    if (!idle) {
      this.reactor.cancel(this.#idle);
      this.#idle = undefined;
    } else {
      this.#idle ??= this.reactor.after(
        this.#idleTimeoutS * 1000,
        () => this.#end("idle for as long as -t says"),
      );
    }
  }

  /** Adds something to be done when the daemon ends, before its pid file goes. */
  atEnd(action: () => void): void {
    this.#endings.push(action);
  }

  serve(): void {
    this.parts.lockServer.serve();
    this.parts.adminServer?.serve();
    this.checkIdle();
    this.reactor.run();
  }

  /** Takes all that are pending. An end counts for more than a re-exec, whose successor it might reach unprepared. */
  #obeySignals(): void {
    const { end, reopen, reexec } = this.#readSignals();
    if (end !== undefined) return this.#end(end);
    if (reopen) this.#reopenLogs();
    if (reexec) this.#reexec();
  }

  #readSignals(): Demands {
    const demands: Demands = { end: undefined, reopen: false, reexec: false };
    for (let signal = this.#signals.read(); signal !== 0; signal = this.#signals.read()) {
      if (ENDING.includes(signal)) {
        demands.end ??= `${signalName(signal)} from process ${this.#signals.senderPid}`;
      } else if (signal === SIGUSR1) demands.reexec = true;
      else demands.reopen = true;
    }
    return demands;
  }

  #reopenLogs(): void {
    try {
      reopenLogFiles();
    } catch (error) {
      this.#log.error("cannot reopen a log file: {error}", { error });
    }
  }

  /** Ends every holder that is still connected, all at once, then the daemon. A second signal does not wait. */
  #end(why: string): void {
    const { lockServer, adminServer, lockService } = this.parts;
    if (this.#ending) return this.#exit();
    this.#log.info("ending: {reason}", { reason: why });
    lockServer.close();
    adminServer?.close();
    // Not before: a holder that is dead already must not end the daemon while others are still to be ended.
    this.#ending = true;
    if (lockService.holders.count === 0) return this.#exit();
    this.reactor.after(KILL_GIVE_UP_MS, () => this.#exit());
  }

  /** To be called when locks have gone or a holder has died. */
  released(): void {
    if (this.#ending && this.parts.lockService.holders.count === 0) this.#exit();
    else this.checkIdle();
  }

  /** A second signal may have been there already when the first one was read. */
  #exit(): void {
    if (this.#over) return;
    this.#over = true;
    this.parts.lockService.releaseAll();
    for (const action of this.#endings) action();
    this.parts.pidFile?.release();
    this.reactor.stop();
  }

  /** SIGUSR1: becomes the program that is now at our path, at once or as soon as it can take everything. */
  #reexec(): void {
    if (this.#ending || this.#handover !== undefined) return;
    const deadlineMs = this.reactor.now() + HANDOVER_WAIT_MS;
    this.#tryReexec(deadlineMs);
  }

  #tryReexec(deadlineMs: number): void {
    this.#handover = undefined;
    if (this.#ending) return;
    try {
      const kind = programKind(this.parts.program.path);
      this.parts.checkSettings(kind);
      const reasons = kind === "ours" ? [] : obstacles(this.#service());
      if (reasons.length === 0) return this.#become(kind);
      if (this.reactor.now() > deadlineMs) throw new Error(reasons.join("; "));
      this.#handover = this.reactor.after(QUIET_CHECK_MS, () => this.#tryReexec(deadlineMs));
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    this.#refusals++;
    this.#log.error('not replaced by "{path}", everything goes on as before: {error}', {
      path: this.parts.program.path,
      error,
    });
  }

  #service(): Service {
    return { ...this.parts, idleTimeoutS: this.#idleTimeoutS, nowMs: this.reactor.now() };
  }

  /**
   * Replaces this program, unless it is told to end after all. Throws when that failed; the daemon is then as it was.
   */
  #become(kind: ProgramKind): void {
    if (kind === "other") this.#leaveOutTheDead();
    const { stateFile, program, originalArgs } = this.parts;
    const service = this.#service();
    checkStateSize(leastStateBytes(service, kind), kind, "at least ");
    const state = captureState(service, kind === "ours");
    const text = new TextEncoder().encode(encodeHandover(state));
    checkStateSize(text.length, kind);
    leaveState(stateFile, text);
    let end: string | undefined;
    const code = replaceProgram({
      program: kind === "ours" ? program : { ...program, args: originalArgs },
      kind,
      descriptors: keptDescriptors(state, service),
      signals: SIGNALS,
      losable: [SIGUSR1, SIGHUP],
      isCalledOff: () => (end = this.#readSignals().end) !== undefined,
    });
    removeState(stateFile);
    if (end !== undefined) return this.#end(end);
    throw new Errno(-code, "execve", program.path);
  }

  /** The C daemon gives up when a client's process is gone, as happens when a child kept the connection. */
  #leaveOutTheDead(): void {
    const { lockServer, adminServer } = this.parts;
    for (
      const { credentials, connection, id } of [
        ...lockServer.clients.values(),
        ...adminServer?.clients.values() ?? [],
      ]
    ) {
      if (!peerHasEnded(connection.fd, credentials.pid)) continue;
      this.#log.warn(
        "connection {CLIENT_ID} closed before the re-exec: its process {OWNER_PID} has ended",
        {
          CLIENT_ID: id,
          OWNER_PID: credentials.pid,
        },
      );
      connection.stream.close("closed here");
    }
  }
}
