/** From the command line to a daemon that notifies. */
import { loadCfg } from "../../../ffi/cfg.ts";
import { loadCmap } from "../../../ffi/cmap.ts";
import { loadCommon } from "../../../ffi/corosync.ts";
import { Errno } from "../../../ffi/errno.ts";
import { LibraryError } from "../../../ffi/open.ts";
import { processId } from "../../../ffi/process.ts";
import { loadQuorum } from "../../../ffi/quorum.ts";
import { blockSignals } from "../../../ffi/signal.ts";
import { connectSeqpacket } from "../../../ffi/socket.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import { ControlSocket } from "../../../src/host/control.ts";
import { commonRequests } from "../../../src/host/control_requests.ts";
import { EX_OK, ExitError } from "../../../src/host/exit.ts";
import { releaseStartupCode } from "../../../src/host/footprint.ts";
import { type ReadyHandshake, startInBackground } from "../../../src/host/lifecycle.ts";
import { logger } from "../../../src/host/log.ts";
import { notifyManager } from "../../../src/host/notify.ts";
import { PidFile } from "../../../src/host/pidfile.ts";
import { dirname, type Program } from "../../../src/host/program.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { describeSandbox, enterSandbox, isComplete } from "../../../src/host/sandbox.ts";
import { VERSION } from "../../../src/host/version.ts";
import { RELEASE_AFTER_MS, STATUS_EVERY_MS } from "../limits.ts";
import { manifest } from "../manifest.ts";
import { scriptsLock, SUBSTITUTES } from "../places.ts";
import { Core } from "./core.ts";
import { Daemon, SIGNALS } from "./daemon.ts";
import { takeRank } from "./rank.ts";
import { RunnerClient, startRunner } from "./runner_client.ts";
import { EXIT_FAILURE, openLog, type RunSettings, settingsFrom } from "./settings.ts";
import { statusLine, statusOf } from "./status.ts";

export interface Start {
  readonly program: Program;
  readonly line: CommandLine;
  readonly handshake: ReadyHandshake;
}

/** Runs the daemon until it ends; its exit code. Throws ExitError when it cannot start. */
export function runDaemon(start: Start): number {
  const { line, program, handshake } = start;
  const settings = settingsFrom(line, program);
  // A service manager that waits for READY=1 waits for the process that it started.
  const isForeground = line.options.has("foreground") || program.environment.has("NOTIFY_SOCKET");
  if (!isForeground && !handshake.isChild) return runInBackground(program);
  blockSignals(SIGNALS);
  handshake.leaveDirectory();
  openLog(settings);
  loadLibraries();
  const pidFile = takePidFile(settings.pidFile);
  try {
    return serve(start, settings, pidFile);
  } catch (error) {
    pidFile?.release();
    throw error;
  }
}

/** Throws ExitError unless the daemon runs in the background. */
function runInBackground(program: Program): number {
  const { status, text } = startInBackground(program);
  if (status === 0) return EX_OK;
  const what = text === "" ? "it ended without a word" : text.trimEnd();
  throw new ExitError(EXIT_FAILURE, what);
}

/** Throws ExitError. */
function loadLibraries(): void {
  try {
    for (const load of [loadCommon, loadCmap, loadCfg, loadQuorum]) load();
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    throw new ExitError(EXIT_FAILURE, error.message);
  }
}

/** Throws ExitError when another daemon has it. */
function takePidFile(path: string): PidFile | undefined {
  if (path === "") return undefined;
  try {
    return PidFile.acquire(path, "\n");
  } catch (error) {
    throw new ExitError(EXIT_FAILURE, error instanceof Error ? error.message : String(error));
  }
}

function serve(start: Start, settings: RunSettings, pidFile: PidFile | undefined): number {
  const { program, handshake } = start;
  const reactor = new Reactor();
  const daemon = new Daemon(reactor);
  const core: Core = new Core(
    reactor,
    settings,
    reachRunner(start, settings, reactor, daemon, () => core),
    {
      changed: () => status.touch(),
      giveUp: (reason) => daemon.end(EXIT_FAILURE, reason),
    },
  );
  const status = new ManagerStatus(reactor, program, () => statusLine(core));
  takeRank(settings);
  const sandbox = confine(start, settings);
  openControl(settings, reactor, core, daemon, sandbox);
  daemon.atEnd(() => core.close());
  daemon.atEnd(() => pidFile?.release());
  reactor.after(RELEASE_AFTER_MS, releaseStartupCode);
  core.counters.watch(core.state);
  core.start();
  handshake.finish(0);
  notifyManager(program.environment, "READY=1");
  return daemon.run();
}

/** The runner is started before anything is given up, since scripts are to have it. Throws ExitError. */
function reachRunner(
  { program }: Start,
  settings: RunSettings,
  reactor: Reactor,
  daemon: Daemon,
  core: () => Core,
): RunnerClient {
  const runnerSettings = {
    type: "settings",
    directory: settings.scriptDirectory,
    eventDirectories: settings.eventDirectories,
    substitutes: SUBSTITUTES,
    lockFile: scriptsLock(settings.controlSocket),
    logFile: settings.scriptLogfile,
    debug: settings.debug,
    timeoutMs: settings.timeoutMs,
    realtime: settings.realtime,
    protectFromOom: settings.protectFromOom,
  } as const;
  const runner = new RunnerClient(reactor, runnerDescriptor(program, settings), runnerSettings, {
    said: (message) => core().said(message),
    failed: (reason) => daemon.end(EXIT_FAILURE, reason),
  });
  daemon.atEnd(() => runner.close());
  return runner;
}

/** Throws ExitError. */
function runnerDescriptor(program: Program, { runnerSocket }: RunSettings): number {
  try {
    return runnerSocket === "" ? startRunner(program) : connectSeqpacket(runnerSocket);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    throw new ExitError(EXIT_FAILURE, `no script runner: ${error.message}`);
  }
}

/** Gives up what the manifest does not list; what was got, in words. */
function confine({ line }: Start, settings: RunSettings): string {
  const log = logger("cmannotifyd");
  if (line.options.has("no-sandbox")) {
    log.warn("no sandbox, as --no-sandbox says");
    return "off (--no-sandbox)";
  }
  const folder = (path: string, why: string) =>
    ({ path: dirname(path), rights: ["create", "socket"], why }) as const;
  const own = [
    folder(settings.pidFile, "The pid file goes at the end."),
    folder(settings.controlSocket, "The control socket."),
  ];
  const report = enterSandbox(manifest, { log: dirname(settings.logfile) }, {
    paths: own.filter(({ path }) => path.startsWith("/")),
  });
  const sandbox = describeSandbox(report);
  if (isComplete(report)) log.debug("sandbox: {sandbox}", { sandbox });
  else log.warn("sandbox with gaps: {sandbox}", { sandbox });
  return sandbox;
}

/** The control socket is a convenience: without it the daemon notifies all the same. */
function openControl(
  settings: RunSettings,
  reactor: Reactor,
  core: Core,
  daemon: Daemon,
  sandbox: string,
): void {
  const about = { version: VERSION, pid: processId(), sandbox };
  const requests = {
    status: {
      usage: "",
      help: "the cluster, the queue and the last notifications, as JSON",
      answer: () => JSON.stringify(statusOf(core, about)),
    },
    ...commonRequests(() => core.counters.metrics),
  };
  try {
    const control = new ControlSocket(reactor, settings.controlSocket, requests, manifest.name);
    daemon.atEnd(() => control.close());
  } catch (error) {
    logger("cmannotifyd").error("no control socket: {error}", { error });
  }
}

/** Keeps the service manager's STATUS= up to date: not at each change, but soon. */
class ManagerStatus {
  #isDue = false;

  constructor(
    private readonly reactor: Reactor,
    private readonly program: Program,
    private readonly line: () => string,
  ) {}

  touch(): void {
    if (this.#isDue || !this.program.environment.has("NOTIFY_SOCKET")) return;
    this.#isDue = true;
    this.reactor.after(STATUS_EVERY_MS, () => {
      this.#isDue = false;
      notifyManager(this.program.environment, `STATUS=${this.line()}`);
    });
  }
}
