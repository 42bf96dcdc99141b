/** From the command line to a daemon that serves. */
import { loadCommon } from "../../../ffi/corosync.ts";
import { loadCpg } from "../../../ffi/cpg.ts";
import { Errno } from "../../../ffi/errno.ts";
import { makeDirectories } from "../../../ffi/file.ts";
import { LibraryError } from "../../../ffi/open.ts";
import { lockPages, readMappings } from "../../../ffi/mappings.ts";
import { ConnectorSocket } from "../../../ffi/netlink.ts";
import { processId, raiseFileLimit } from "../../../ffi/process.ts";
import { loadQuorum } from "../../../ffi/quorum.ts";
import { blockSignals } from "../../../ffi/signal.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import { ControlSocket } from "../../../src/host/control.ts";
import { commonRequests } from "../../../src/host/control_requests.ts";
import { EX_OK, ExitError } from "../../../src/host/exit.ts";
import { releaseStartupCode } from "../../../src/host/footprint.ts";
import { type ReadyHandshake, startInBackground } from "../../../src/host/lifecycle.ts";
import { logger } from "../../../src/host/log.ts";
import { hasJournalStream } from "../../../src/host/log_journal.ts";
import { notifyManager } from "../../../src/host/notify.ts";
import { PidFile, PidFileBusyError } from "../../../src/host/pidfile.ts";
import { dirname, type Program } from "../../../src/host/program.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { describeSandbox, enterSandbox, isComplete } from "../../../src/host/sandbox.ts";
import { STDOUT, writeText } from "../../../src/host/standard.ts";
import { VERSION } from "../../../src/host/version.ts";
import { RELEASE_AFTER_MS } from "../limits.ts";
import { manifest } from "../manifest.ts";
import {
  CONTROL_SOCKET,
  PID_FILE,
  RUN_DIRECTORY,
  SEQUENCE_FILE,
  STATE_DIRECTORY,
} from "../places.ts";
import { Core } from "./core.ts";
import { Daemon, SIGNALS } from "./daemon.ts";
import { hearKernel } from "./kernel.ts";
import {
  EXIT_BIND,
  EXIT_FAILURE,
  EXIT_GROUP,
  EXIT_LOCKED,
  EXIT_SOCKET,
  openLog,
  type RunSettings,
  settingsFrom,
} from "./settings.ts";
import { SequenceFile, StateFiles } from "./state_files.ts";
import { statusOf } from "./status.ts";

const MODE = 0o755;
const PRIVATE_MODE = 0o700;

export interface Start {
  readonly program: Program;
  readonly line: CommandLine;
  readonly handshake: ReadyHandshake;
}

/** Runs the daemon until it ends; its exit code. Throws ExitError when it cannot start. */
export function runDaemon(start: Start): number {
  const { line, program, handshake } = start;
  // A service manager that waits for READY=1 waits for the process that it started.
  const isForeground = line.options.has("foreground") || program.environment.has("NOTIFY_SOCKET");
  const settings = settingsFrom(line);
  if (!isForeground && !handshake.isChild) return runInBackground(program);
  blockSignals(SIGNALS);
  handshake.leaveDirectory();
  openLog(settings.level, isForeground && !hasJournalStream(program.environment));
  raiseFileLimit();
  const pidFile = takePidFile();
  try {
    return serve(start, settings, pidFile);
  } catch (error) {
    pidFile.release();
    throw error;
  }
}

/** What the original's parent says of its child's end. */
const CHILD_FAILURES: Readonly<Record<number, string>> = {
  [EXIT_FAILURE]: "Failed to start: Generic error\n",
  [EXIT_LOCKED]: "Failed to create lockfile\nProcess already running?\n",
  [EXIT_SOCKET]: "Unable to create netlink socket\n",
  [EXIT_BIND]: "Unable to bind to netlink socket\n",
  [EXIT_GROUP]: "Unable to setsockopt on netlink socket\n",
};

function runInBackground(program: Program): number {
  const { status } = startInBackground(program);
  if (status === 0) return EX_OK;
  writeText(STDOUT, CHILD_FAILURES[status ?? -1] ?? "Failed to start: Unknown error\n");
  return EXIT_FAILURE;
}

/** Throws ExitError when another daemon has it. */
function takePidFile(): PidFile {
  try {
    return PidFile.acquire(PID_FILE, "\n");
  } catch (error) {
    if (!(error instanceof PidFileBusyError)) throw new ExitError(EXIT_LOCKED, String(error));
    const why = "Resource temporarily unavailable";
    throw new ExitError(EXIT_LOCKED, `Cannot lock lockfile [${PID_FILE}], error was [${why}]`);
  }
}

/** Does one step of the start under the exit code of its failure. */
function step<T>(code: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    throw new ExitError(code, error.message);
  }
}

function openSocket(): ConnectorSocket {
  const socket = step(EXIT_SOCKET, () => ConnectorSocket.open());
  step(EXIT_BIND, () => socket.bind());
  // The original bound itself to the group, and failed there without CAP_NET_ADMIN.
  step(EXIT_BIND, () => hearKernel(socket));
  return socket;
}

/** Corosync may be installed later; until then mirrors wait. */
function loadLibraries(): void {
  try {
    loadCommon();
    loadCpg();
    loadQuorum();
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    logger("cmirrord").error("no mirror can be resumed: {error}", { error });
  }
}

function makeDirectoriesOf(): void {
  makeDirectories(RUN_DIRECTORY, MODE);
  makeDirectories(STATE_DIRECTORY, PRIVATE_MODE);
}

function serve(start: Start, settings: RunSettings, pidFile: PidFile): number {
  const { program, handshake } = start;
  loadLibraries();
  const socket = openSocket();
  step(EXIT_FAILURE, makeDirectoriesOf);
  const sequence = step(EXIT_FAILURE, () => new SequenceFile(SEQUENCE_FILE));
  const reactor = new Reactor();
  const core = new Core(
    reactor,
    socket,
    new StateFiles(STATE_DIRECTORY),
    sequence,
    settings.quorum,
  );
  const daemon = new Daemon(reactor, core);
  const sandbox = confine(start);
  openControl(reactor, core, daemon, sandbox);
  daemon.atEnd(() => core.close());
  daemon.atEnd(() => pidFile.release());
  reactor.after(RELEASE_AFTER_MS, settleInMemory);
  core.wake();
  handshake.finish(0);
  notifyManager(program.environment, "READY=1");
  reactor.run();
  return EX_OK;
}

/** Gives up what the manifest does not list; what was got, in words. */
function confine({ line }: Start): string {
  const log = logger("cmirrord", "sandbox");
  if (line.options.has("no-sandbox")) {
    log.warn("no sandbox, as --no-sandbox says");
    return "off (--no-sandbox)";
  }
  const own = {
    path: dirname(PID_FILE),
    rights: ["create"],
    why: "The pid file goes at the end.",
  } as const;
  const report = enterSandbox(manifest, { run: RUN_DIRECTORY }, { paths: [own] });
  const sandbox = describeSandbox(report);
  if (isComplete(report)) log.info("sandbox: {sandbox}", { sandbox });
  else log.warn("sandbox with gaps: {sandbox}", { sandbox });
  return sandbox;
}

/** Mirrors wait for this program: what it runs from is not thrown out of memory for want of it. What V8 writes to stays free to move. */
function settleInMemory(): void {
  releaseStartupCode();
  const failed = readMappings()
    .filter(({ path, permissions }) => path.startsWith("/") && !permissions.includes("w"))
    .map(lockPages).find((code) => code < 0);
  if (failed === undefined) return;
  const error = new Errno(-failed, "mlock2");
  logger("cmirrord").warn("the program may be thrown out of memory: {error}", { error });
}

/** The control socket is a convenience: without it the daemon serves all the same. */
function openControl(reactor: Reactor, core: Core, daemon: Daemon, sandbox: string): void {
  const about = (): Parameters<typeof statusOf>[1] => ({
    version: VERSION,
    pid: processId(),
    sandbox,
    node: core.machine.context.me,
    quorum: core.quorum,
  });
  const requests = {
    status: {
      usage: "",
      help: "mirrors, as JSON",
      answer: () => JSON.stringify(statusOf(core.machine.mirrors, about())),
    },
    ...commonRequests(() => core.counters.metrics),
  };
  try {
    const control = new ControlSocket(reactor, CONTROL_SOCKET, requests, manifest.name);
    daemon.atEnd(() => control.close());
  } catch (error) {
    logger("cmirrord", "control").error("no control socket: {error}", { error });
  }
}
