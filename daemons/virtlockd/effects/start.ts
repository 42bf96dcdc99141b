/** From the command line to a daemon that serves, in the original's order. */
import { makeDirectories } from "../../../ffi/file.ts";
import { effectiveUserId, processId, raiseFileLimit, setUmask } from "../../../ffi/process.ts";
import { blockSignals } from "../../../ffi/signal.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import { ControlSocket } from "../../../src/host/control.ts";
import { commonRequests } from "../../../src/host/control_requests.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { type ReadyHandshake, startInBackground } from "../../../src/host/lifecycle.ts";
import { logger } from "../../../src/host/log.ts";
import { notifyManager } from "../../../src/host/notify.ts";
import { PidFile } from "../../../src/host/pidfile.ts";
import { dirname, type Program } from "../../../src/host/program.ts";
import { releaseStartupCode } from "../../../src/host/footprint.ts";
import { describeSandbox, enterSandbox, isComplete } from "../../../src/host/sandbox.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import type { HandoverState } from "../handover.ts";
import { manifest } from "../manifest.ts";
import type { Places } from "../places.ts";
import { Daemon, SIGNALS } from "./daemon.ts";
import { adoptState } from "./handover.ts";
import { lockMetrics } from "./lock_metrics.ts";
import { type DaemonHook, makeServices, openSockets, type Services } from "./services.ts";
import {
  checkSettings,
  type ConfigSettings,
  openLog,
  originalArguments,
  readConfig,
  type RunSettings,
  settingsFrom,
} from "./settings.ts";
import { EXIT_STATE, removeState, takeState } from "./state_file.ts";
import { statusOf } from "./status.ts";

const EXIT_RUN_DIRECTORY = 2;
const EXIT_PID_FILE = 1;
/** Behind the first clients, who else would wait for it. */
const RELEASE_AFTER_MS = 100;

/** What a parent says of a child that failed in the background, by the child's exit code. */
const BACKGROUND_FAILURES: Readonly<Record<number, string>> = {
  1: "Unable to obtain pidfile",
  3: "Unable to initialize libvirt",
  4: "Unable to setup signal handlers",
  6: "Unable to initialize network sockets",
};

export interface Start {
  readonly program: Program;
  readonly line: CommandLine;
  readonly places: Places;
  readonly version: string;
  readonly handshake: ReadyHandshake;
}

/** Runs the daemon until it ends. Throws ExitError when it cannot start. */
export function runDaemon(start: Start): void {
  const { line, places, program, handshake } = start;
  blockSignals(SIGNALS);
  const state = takeState(places.stateFile);
  const settings = readRunSettings(start, state !== undefined);
  makeRunDirectory(places);
  if (line.options.has("daemon") && state === undefined && !handshake.isChild) {
    return runInBackground(program);
  }
  handshake.leaveDirectory();
  raiseFileLimit();
  const daemon = makeDaemon(start, settings, state);
  handshake.finish(0);
  notifyManager(program.environment, "READY=1");
  daemon.serve();
}

/** Reads the settings and begins logging. Throws ExitError. */
function applySettings(start: Start, config: ConfigSettings): RunSettings {
  const { line, places, program, version } = start;
  const settings = settingsFrom(line, config, places, program.environment);
  openLog(settings.log, version);
  return settings;
}

/**
 * A daemon that takes over must not die of a typo, nor of a log file whose folder is gone: then it goes on with the defaults and
 * says so, on standard error if need be, which takes nothing to open.
 */
function readRunSettings(start: Start, takingOver: boolean): RunSettings {
  const { line, places, version } = start;
  try {
    return applySettings(start, readConfig(line, places));
  } catch (error) {
    if (!takingOver || !(error instanceof ExitError)) throw error;
    const settings = settingsFrom(line, {}, places, new Map());
    const { log } = settings;
    try {
      openLog(log, version);
    } catch {
      openLog({ ...log, outputs: [{ level: log.level, destination: "stderr" }] }, version);
    }
    logger("util", "conf").error("{error}; taking over with the default settings", { error });
    return settings;
  }
}

/** Makes the directory of the sockets: 0755 for root, 0700 for others. Throws ExitError. */
function makeRunDirectory({ runDirectory }: Places): void {
  const mask = setUmask(effectiveUserId() === 0 ? 0o022 : 0o077);
  try {
    makeDirectories(runDirectory, 0o777);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new ExitError(EXIT_RUN_DIRECTORY, `unable to create rundir ${runDirectory}: ${reason}`);
  } finally {
    setUmask(mask);
  }
}

/** Throws ExitError unless the daemon serves in the background. */
function runInBackground(program: Program): void {
  const { status, text } = startInBackground(program);
  if (status === 0) return;
  const what = status === undefined
    ? "unable to determine if daemon is running: it ended without a word"
    : `${
      BACKGROUND_FAILURES[status] ?? "Unable to start"
    }. Check /var/log/messages or run without --daemon for more info.`;
  throw new ExitError(1, `${text}${program.calledAs}: error: ${what}`);
}

function takePidFile(path: string, state: HandoverState | undefined): PidFile | undefined {
  if (path === "") return undefined;
  const held = state?.extra?.pidFile;
  if (held !== undefined) return PidFile.adopt(path, held);
  try {
    return PidFile.acquire(path);
  } catch (error) {
    const code = state === undefined ? EXIT_PID_FILE : EXIT_STATE;
    throw new ExitError(code, error instanceof Error ? error.message : String(error));
  }
}

/** Makes the daemon; the pid file goes again when that fails. Throws ExitError. */
function makeDaemon(start: Start, settings: RunSettings, state: HandoverState | undefined): Daemon {
  const pidFile = takePidFile(settings.pidFile, state);
  try {
    return assemble(start, settings, state, pidFile);
  } catch (error) {
    pidFile?.release();
    throw error;
  }
}

/** Makes the live objects, anew or from a state, and connects them. Throws ExitError. */
function assemble(
  start: Start,
  settings: RunSettings,
  state: HandoverState | undefined,
  pidFile: PidFile | undefined,
): Daemon {
  const { program, line, places } = start;
  const reactor = new Reactor();
  const hook: DaemonHook = { daemon: undefined };
  const services = makeServices(reactor, settings, state, hook);
  const idleTimeoutS = state?.extra?.idleTimeoutS ?? settings.idleTimeoutS;
  if (state === undefined) startAfresh(start, services);
  else takeOver(state, services, pidFile, reactor.now());
  const daemon = new Daemon(reactor, {
    ...services,
    program,
    pidFile,
    stateFile: places.stateFile,
    originalArgs: originalArguments(line, program.args),
    checkSettings: (successor) => checkSettings(line, places, program.environment, successor),
  });
  hook.daemon = daemon;
  daemon.setIdleTimeout(idleTimeoutS);
  reactor.after(RELEASE_AFTER_MS, releaseStartupCode);
  openControl(start, reactor, services, daemon, confine(start));
  return daemon;
}

/** Whoever has the pid file and the sockets is alone: a state that is still there was left by a daemon that died of it. */
function startAfresh({ places, program }: Start, services: Services): void {
  openSockets(services, places, program.environment);
  removeState(places.stateFile);
}

function takeOver(
  state: HandoverState,
  services: Services,
  pidFile: PidFile | undefined,
  nowMs: number,
): void {
  if (state.admin === undefined) services.adminServer = undefined;
  try {
    adoptState(state, { ...services, pidFile, nowMs, idleTimeoutS: 0 });
  } catch (error) {
    throw new ExitError(
      EXIT_STATE,
      `cannot take over: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Gives up what the manifest does not list, before anything from outside is read; what was got, in words. */
function confine({ line, places, program }: Start): string {
  const log = logger("locking", "lock_daemon");
  if (line.options.has("no-sandbox")) {
    log.warn("no sandbox, as --no-sandbox says");
    return "off (--no-sandbox)";
  }
  const report = enterSandbox(manifest, {
    run: places.runDirectory,
    // Called through a symbolic link, the program is in two folders.
    program: [dirname(program.path), dirname(Deno.execPath())],
  });
  const sandbox = describeSandbox(report);
  if (isComplete(report)) log.info("sandbox: {sandbox}", { sandbox });
  else log.warn("sandbox with gaps: {sandbox}", { sandbox });
  return sandbox;
}

/** The control socket is a convenience: without it the daemon serves all the same. */
function openControl(
  start: Start,
  reactor: Reactor,
  services: Services,
  daemon: Daemon,
  sandbox: string,
): void {
  const { lockService, lockServer, adminServer } = services;
  const servers = adminServer === undefined ? [lockServer] : [lockServer, adminServer];
  const about = { version: start.version, pid: processId(), sandbox };
  const requests = {
    status: {
      usage: "",
      help: "lockspaces, locks, owners and clients, as JSON",
      answer: () => JSON.stringify(statusOf(lockService, lockServer, adminServer, about)),
    },
    ...commonRequests(() => lockMetrics(lockService, servers, daemon)),
  };
  try {
    const control = new ControlSocket(reactor, start.places.controlSocket, requests, manifest.name);
    daemon.atEnd(() => control.close());
  } catch (error) {
    logger("locking", "lock_daemon").error("no control socket: {error}", { error });
  }
}
