/** From the command line to a daemon that watches. */
import { makeDirectories } from "../../../ffi/file.ts";
import { processId, raiseFileLimit } from "../../../ffi/process.ts";
import { blockSignals } from "../../../ffi/signal.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import { ControlSocket } from "../../../src/host/control.ts";
import { commonRequests } from "../../../src/host/control_requests.ts";
import { EX_CANTCREAT, EX_OSERR, EX_TEMPFAIL, ExitError } from "../../../src/host/exit.ts";
import { releaseStartupCode } from "../../../src/host/footprint.ts";
import { type ReadyHandshake, startInBackground } from "../../../src/host/lifecycle.ts";
import { logger } from "../../../src/host/log.ts";
import { hasJournalStream } from "../../../src/host/log_journal.ts";
import { notifyManager } from "../../../src/host/notify.ts";
import { PidFile, PidFileBusyError } from "../../../src/host/pidfile.ts";
import { dirname, type Program } from "../../../src/host/program.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import {
  describeSandbox,
  enterSandbox,
  isComplete,
  type SandboxReport,
} from "../../../src/host/sandbox.ts";
import { VERSION } from "../../../src/host/version.ts";
import { manifest } from "../manifest.ts";
import type { Memory } from "../memory.ts";
import type { Places } from "../places.ts";
import { Core } from "./core.ts";
import { Daemon, SIGNALS } from "./daemon.ts";
import { Hook } from "./hook.ts";
import { helperAt, ownHelper } from "./hook_way.ts";
import { pathMetrics } from "./metrics.ts";
import { runOnce } from "./once.ts";
import { Reporter } from "./reporter.ts";
import { configFileOf, openLog, type RunSettings, settingsFrom } from "./settings.ts";
import { loadMemory, StateFile } from "./state_file.ts";
import { statusOf } from "./status.ts";

/** Behind the first look, which would wait for it. */
const RELEASE_AFTER_MS = 100;

export interface Start {
  readonly program: Program;
  readonly line: CommandLine;
  readonly places: Places;
  readonly handshake: ReadyHandshake;
}

/** Runs the daemon until it ends. Throws ExitError when it cannot start. */
export function runDaemon(start: Start): void {
  const { line, program, places, handshake } = start;
  const isOnce = line.options.has("once");
  // A service manager that waits for READY=1 waits for the process that it started.
  const isForeground = line.options.has("foreground") || isOnce ||
    program.environment.has("NOTIFY_SOCKET");
  const toTerminal = isForeground && !hasJournalStream(program.environment);
  const settings = settingsFrom(line, places, toTerminal);
  openLog(settings.log);
  if (isOnce) return runOnce(program, settings, places, line.options.has("json"));
  if (!isForeground && !handshake.isChild) return runInBackground(program);
  blockSignals(SIGNALS);
  handshake.leaveDirectory();
  raiseFileLimit();
  makeRunDirectory(places);
  const pidFile = takePidFile(settings.pidFile);
  try {
    serve(start, settings, pidFile);
  } catch (error) {
    pidFile?.release();
    throw error;
  }
}

/** Throws ExitError unless the daemon watches in the background. */
function runInBackground(program: Program): void {
  const { status, text } = startInBackground(program);
  if (status === 0) return;
  const what = text === "" ? "it ended without a word" : text.trimEnd();
  throw new ExitError(EX_OSERR, `not started in the background: ${what}`);
}

/** Throws ExitError. */
function makeRunDirectory({ runDirectory }: Places): void {
  try {
    makeDirectories(runDirectory, 0o755);
  } catch (error) {
    throw new ExitError(EX_CANTCREAT, error instanceof Error ? error.message : String(error));
  }
}

/** Throws ExitError when another daemon has it. */
function takePidFile(path: string): PidFile | undefined {
  if (path === "") return undefined;
  try {
    return PidFile.acquire(path);
  } catch (error) {
    const code = error instanceof PidFileBusyError ? EX_TEMPFAIL : EX_CANTCREAT;
    const text = error instanceof PidFileBusyError
      ? `another mdmpd has "${path}"`
      : error instanceof Error
      ? error.message
      : String(error);
    throw new ExitError(code, text);
  }
}

/** A helper of our own is started while everything is still allowed. */
function makeHook(
  { program: self }: Start,
  { program, eventSocket }: RunSettings,
  reactor: Reactor,
): Hook | undefined {
  if (program === "") return undefined;
  return new Hook(reactor, eventSocket === "" ? ownHelper(self, program) : helperAt(eventSocket));
}

function uuidsOf(core: Core): ReadonlySet<string> {
  return new Set([...core.machine.arrays.values()].map(({ sight }) => sight.uuid));
}

interface Parts {
  readonly reactor: Reactor;
  readonly core: Core;
  readonly state: StateFile;
  readonly reporter: Reporter;
  readonly hook: Hook | undefined;
}

function makeParts(start: Start, settings: RunSettings, memory: Memory): Parts {
  const { program, places } = start;
  const reactor = new Reactor();
  const hook = makeHook(start, settings, reactor);
  const reporter = new Reporter(hook);
  const state: StateFile = new StateFile(
    reactor,
    places.stateFile,
    memory,
    () => uuidsOf(core),
  );
  const core: Core = new Core(reactor, program, settings, memory, reporter, state);
  return { reactor, core, state, reporter, hook };
}

function serve(start: Start, settings: RunSettings, pidFile: PidFile | undefined): void {
  const { line, places, program, handshake } = start;
  const parts = makeParts(start, settings, loadMemory(places.stateFile));
  const { reactor, core, state } = parts;
  const daemon = new Daemon(reactor, () => core.reconfigure(settingsFrom(line, places, false)));
  const sandbox = confine(start, settings);
  openControl(start, parts, daemon, sandboxText(sandbox));
  daemon.atEnd(() => state.save());
  daemon.atEnd(() => core.close());
  daemon.atEnd(() => parts.hook?.close());
  daemon.atEnd(() => pidFile?.release());
  reactor.after(RELEASE_AFTER_MS, releaseStartupCode);
  handshake.finish(0);
  notifyManager(program.environment, "READY=1");
  // Whoever asks from now on is answered after these: the first look, and the first line of the log, which takes a millisecond.
  core.refresh();
  tellSandbox(sandbox);
  reactor.run();
}

/** Gives up what the manifest does not list; what was got, or undefined for no sandbox. */
function confine(
  { line, places, program }: Start,
  { pidFile }: RunSettings,
): SandboxReport | undefined {
  if (line.options.has("no-sandbox")) return undefined;
  const own = {
    path: dirname(pidFile),
    rights: ["create"],
    why: "The pid file goes at the end.",
  } as const;
  return enterSandbox(manifest, {
    run: places.runDirectory,
    // A file that is edited is often another one of its name.
    config: dirname(configFileOf(line, places).path),
    program: [dirname(program.path), dirname(Deno.execPath())],
  }, { paths: pidFile.startsWith("/") ? [own] : [] });
}

function sandboxText(report: SandboxReport | undefined): string {
  return report === undefined ? "off (--no-sandbox)" : describeSandbox(report);
}

function tellSandbox(report: SandboxReport | undefined): void {
  const log = logger("mdmpd", "sandbox");
  const sandbox = sandboxText(report);
  if (report === undefined) log.warn("no sandbox, as --no-sandbox says");
  else if (isComplete(report)) log.info("sandbox: {sandbox}", { sandbox });
  else log.warn("sandbox with gaps: {sandbox}", { sandbox });
}

/** The control socket is a convenience: without it the daemon watches all the same. */
function openControl(start: Start, parts: Parts, daemon: Daemon, sandbox: string): void {
  const { reactor, core, reporter, hook } = parts;
  const about = { version: VERSION, pid: processId(), sandbox };
  const requests = {
    status: {
      usage: "",
      help: "arrays and paths, as JSON",
      answer: () => JSON.stringify(statusOf(core, about, reactor.now())),
    },
    ...commonRequests(() => pathMetrics(core, reporter, hook)),
  };
  try {
    const control = new ControlSocket(reactor, start.places.controlSocket, requests, manifest.name);
    daemon.atEnd(() => control.close());
  } catch (error) {
    logger("mdmpd", "control").error("no control socket: {error}", { error });
  }
}
