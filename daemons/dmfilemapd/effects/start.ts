/** From the arguments to a daemon that follows its file, in the original's order. */
import type { DeviceMapper } from "../../../ffi/devicemapper.ts";
import { Errno, strerror } from "../../../ffi/errno.ts";
import { closeDescriptor, statPath } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { processId } from "../../../ffi/process.ts";
import { blockSignals } from "../../../ffi/signal.ts";
import { ControlError, type ControlRequests, ControlSocket } from "../../../src/host/control.ts";
import { commonRequests } from "../../../src/host/control_requests.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { releaseStartupCode } from "../../../src/host/footprint.ts";
import type { ReadyHandshake } from "../../../src/host/lifecycle.ts";
import type { PidFile } from "../../../src/host/pidfile.ts";
import { dirname } from "../../../src/host/program.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { describeSandbox, enterSandbox, isComplete } from "../../../src/host/sandbox.ts";
import { VERSION } from "../../../src/host/version.ts";
import type { FollowArguments } from "../arguments.ts";
import { Group } from "../group.ts";
import { manifest, policyOf } from "../manifest.ts";
import { type InstancePlaces, placesOf, RUN_DIRECTORY } from "../places.ts";
import { type Launch, runInBackground } from "./background.ts";
import { Daemon, type DaemonParts, SIGNALS } from "./daemon.ts";
import { deviceName, KernelStats, openControl } from "./device.ts";
import { identify, type Identity, InodeFile, PathFile, UnfitFileError } from "./file.ts";
import { closeInherited, isInherited } from "./inherited.ts";
import { DeviceLock, makeRunDirectory, subjectOf, takeInstance } from "./instance.ts";
import { EXIT_FAILURE, readRunSettings, type RunSettings } from "./settings.ts";
import { statusOf } from "./status.ts";
import { updateMetrics } from "./update_metrics.ts";
import { Updater } from "./updater.ts";
import { makeVoice, type Voice } from "./voice.ts";
import { Watches } from "./watches.ts";

/** Behind the first update, which uses some of it. */
const RELEASE_AFTER_MS = 200;

export interface Start extends Launch {
  readonly handshake: ReadyHandshake;
}

/** Follows the file until the end; the exit code. Throws ExitError when it cannot start. */
export function followFile(start: Start): number {
  const { follow, handshake, program } = start;
  blockSignals(SIGNALS);
  const settings = readRunSettings(program.environment);
  const identity = identityOf(follow);
  if (!follow.foreground && !handshake.isChild) return runInBackground(start);
  handshake.leaveDirectory();
  closeInherited([follow.fd, handshake.fd]);
  const voice = voiceOf(start, settings, identity);
  const places = placesOf(deviceName(identity.device), follow.groupId);
  const hasRunDirectory = prepareRunDirectory(voice);
  const pidFile = hasRunDirectory ? takeInstance(places, subjectOf(follow, identity)) : undefined;
  if (hasRunDirectory && pidFile === undefined) {
    voice.info("Another dmfilemapd follows this file for this group: it has been told to update.");
    handshake.finish(0);
    return 0;
  }
  try {
    return serve(start, settings, identity, voice, places, pidFile);
  } finally {
    pidFile?.release();
  }
}

/** What the descriptor is. Throws ExitError with the original's words. */
function identityOf({ fd }: FollowArguments): Identity {
  const unusable = `fstat failed for fd ${fd}.\n` +
    `Could not bind dm_stats handle to file descriptor ${fd}\nExiting`;
  if (!isInherited(fd)) throw new ExitError(EXIT_FAILURE, unusable);
  try {
    return identify(fd);
  } catch (error) {
    if (error instanceof UnfitFileError) {
      throw new ExitError(EXIT_FAILURE, `${error.message}\nExiting`);
    }
    if (error instanceof Errno) throw new ExitError(EXIT_FAILURE, unusable);
    throw error;
  }
}

function voiceOf({ follow, handshake }: Start, settings: RunSettings, identity: Identity): Voice {
  const { verbose, groupId, path, mode, fd } = follow;
  const fields = { GROUP_ID: String(groupId), DEVICE: deviceName(identity.device), PATH: path };
  const voice = makeVoice(verbose, handshake.isChild, settings.logLevel, fields);
  if (!voice.hasConsole) voice.listener = (text): void => handshake.say(text);
  voice.info(`Starting dmfilemapd with fd=${fd}, group_id=${groupId} mode=${mode}, path=${path}`);
  return voice;
}

/** Whether there is a place for the pid file and the control socket: without it the daemon works all the same. */
function prepareRunDirectory(voice: Voice): boolean {
  try {
    makeRunDirectory();
    return true;
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    voice.warn(
      `No ${RUN_DIRECTORY}, so no status, and no protection against a second daemon: ${error.message}`,
    );
    return false;
  }
}

/** Throws ExitError. */
function openDeviceMapper(): DeviceMapper {
  try {
    return openControl();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    const reason = "Failure to communicate with kernel device-mapper driver.";
    throw new ExitError(EXIT_FAILURE, `${error.message}\n${reason}\nExiting`);
  }
}

/** Sets the watches that do not depend on a look. Throws ExitError. */
function prepareWatches({ path, mode, fd }: FollowArguments, voice: Voice): Watches {
  try {
    const watches = new Watches();
    const control = watches.watchControl();
    if (control < 0) voice.warn(`The end of the group will be noticed late: ${strerror(-control)}`);
    if (mode === "inode") watches.set(fd);
    else watches.watchPath(path);
    const missing = mode === "path" ? statPath(cString(path)) : 0;
    if (missing < 0) throw new Errno(-missing, "inotify_add_watch");
    return watches;
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    const what = `${path}: ${error.call} failed: ${strerror(error.code)}`;
    throw new ExitError(EXIT_FAILURE, `${what}\nExiting`);
  }
}

function serve(
  start: Start,
  settings: RunSettings,
  identity: Identity,
  voice: Voice,
  places: InstancePlaces,
  pidFile: PidFile | undefined,
): number {
  const { follow, handshake } = start;
  const parts = assemble(follow, settings, identity, voice, pidFile && places);
  const daemon = new Daemon(parts, { mode: follow.mode, ...settings });
  const control = pidFile && openControlSocket(start, daemon, parts, places, identity);
  const sandbox = confine(start, voice);
  control?.setSandbox(sandbox);
  const goesOn = daemon.begin();
  voice.listener = undefined;
  handshake.finish(daemon.exitCode ?? 0);
  if (goesOn) parts.reactor.after(RELEASE_AFTER_MS, releaseStartupCode);
  return daemon.serve();
}

/** Makes the live objects and connects them. Throws ExitError. */
function assemble(
  follow: FollowArguments,
  settings: RunSettings,
  identity: Identity,
  voice: Voice,
  places: InstancePlaces | undefined,
): DaemonParts {
  const { path, mode, fd } = follow;
  const device = new KernelStats(
    openDeviceMapper(),
    identity.device,
    (text) => voice.trace(text),
    () => watches.takeUse(),
  );
  const limits = { regions: settings.regionLimit, seams: settings.seamLimit };
  const group = new Group(device, Number(follow.groupId), limits, {
    created: (id, { start, length }) =>
      voice.debug(`Created new region mapping ${start}+${length} with region ID ${id}`),
    deleted: (id) => voice.debug(`Deleted region ${id}`),
    renamed: (from, to) => {
      voice.setGroup(to);
      voice.warn(`group_id changed from ${from} to ${to}`);
    },
  });
  const watches = prepareWatches(follow, voice);
  const file = mode === "inode"
    ? new InodeFile(fd, identity)
    : new PathFile(path, identity, watches);
  if (mode === "path") closeDescriptor(fd);
  const reactor = new Reactor();
  const metrics = updateMetrics();
  const updater = new Updater({
    file,
    group,
    deviceLock: places && new DeviceLock(places.deviceLock),
    lookAheadSectors: settings.lookAheadSectors,
    metrics,
    voice,
    now: () => reactor.now(),
  });
  const inodeFd = mode === "inode" ? fd : undefined;
  return { reactor, watches, file, group, updater, metrics, voice, path, fd: inodeFd };
}

/** Gives up what the manifest does not list; what was got, in words. */
function confine({ sandbox, follow, program }: Start, voice: Voice): string {
  if (!sandbox) {
    voice.warn("No sandbox, as --no-sandbox says.");
    return "off (--no-sandbox)";
  }
  const places = { run: RUN_DIRECTORY, program: dirname(program.path) };
  const report = enterSandbox(policyOf(follow.mode), places);
  const words = describeSandbox(report);
  if (isComplete(report)) voice.debug(`sandbox: ${words}`);
  else voice.warn(`sandbox with gaps: ${words}`);
  return words;
}

interface Control {
  setSandbox(sandbox: string): void;
}

/** The control socket is a convenience: without it the daemon serves all the same. */
function openControlSocket(
  { follow }: Start,
  daemon: Daemon,
  parts: DaemonParts,
  places: InstancePlaces,
  identity: Identity,
): Control | undefined {
  const about = { version: VERSION, pid: processId(), sandbox: "" };
  const { reactor, metrics, voice } = parts;
  const requests: ControlRequests = {
    status: {
      usage: "",
      help: "the file, the group and what was done, as JSON",
      answer: () => JSON.stringify(statusOf(daemon, parts, follow, about)),
    },
    follow: {
      usage: "SUBJECT",
      help: "updates at once and answers same, if it is this that is followed; else answers other",
      answer: (words): string => {
        if (words.join(" ") !== subjectOf(follow, identity)) return "other\n";
        reactor.defer(() => daemon.dispatch({ type: "asked" }));
        return "same\n";
      },
    },
    stop: {
      usage: "",
      help: "ends the daemon, and leaves the group as it is",
      answer: (words): string => {
        if (words.length > 0) throw new ControlError("stop takes no words");
        reactor.defer(() => daemon.dispatch({ type: "stopped" }));
        return "ok\n";
      },
    },
    ...commonRequests(() => metrics.all),
  };
  try {
    const socket = new ControlSocket(reactor, places.controlSocket, requests, manifest.name);
    daemon.atEnd(() => socket.close());
    return { setSandbox: (sandbox): void => void (about.sandbox = sandbox) };
  } catch (error) {
    voice.warn(`No control socket: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
