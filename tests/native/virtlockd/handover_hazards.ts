/**
 * What makes the C daemon end at SIGUSR1, or soon after, and what a hand-over to it cannot carry.
 * Facts: libvirt 9.0 src/locking/lock_daemon.c, virLockDaemonPreExecRestart and its counterpart.
 */
import { assert } from "@std/assert";
import { Client } from "./client.ts";
import * as frames from "./client_frames.ts";
import { ClientProcess } from "./client_process.ts";
import { ADMIN_SOCKET, type DaemonOptions, LOCK_SOCKET, pause } from "./lab_daemon.ts";
import { type Candidate, original, ours } from "./native_test.ts";
import {
  acquire,
  fail,
  LINK,
  PROGRAM,
  register,
  release,
  request,
  type Stage,
  STATE_FILE,
  succeed,
} from "./handover_stage.ts";

export interface Hazard {
  /** Completes "SIGUSR1 ... costs no lock and no connection". */
  readonly title: string;
  readonly options?: DaemonOptions;
  /** What runs after it; undefined if `prepare` sees to that. */
  readonly successor?: Candidate;
  /** The daemon cannot hand over, stays as it is and says this. */
  readonly refused?: RegExp;
  prepare(stage: Stage): Promise<void>;
}

/** PATH_MAX is 4096. */
const LONG_PATH_BYTES = 4000;
/** The C daemon reads 10 MiB of state; every lock has its name and path in it. */
const MANY_LOCKS = 2800;
const READ_MS = 100;
/** VIR_NET_MESSAGE_MAX with its length word, and a little less. */
const FRAME_LIMIT_BYTES = 33_554_436;
const HALF_FRAME_BYTES = 33_000_000;

async function connectSilent(stage: Stage): Promise<void> {
  await stage.connect();
}

/** A connection of a process that has died, held open by its child. */
async function connectGhost(stage: Stage): Promise<void> {
  const parent = stage.use(await ClientProcess.start(stage.lab));
  const connection = await parent.connect("only", LOCK_SOCKET);
  await connection.send(register(1));
  assert(await connection.inbox.frameWithin(5000));
  await parent.fork();
  parent.kill("SIGKILL");
  await parent.endWithin(5000);
}

async function lockByBytes(stage: Stage): Promise<void> {
  const name = frames.concat(frames.bytesOf("/srv/"), Uint8Array.of(0xff));
  await succeed(await stage.connectOwner(), acquire(name, 1, ""));
}

async function fillState(stage: Stage): Promise<void> {
  const client = await stage.connectOwner();
  const folder = `/srv/${"./".repeat(LONG_PATH_BYTES / 2)}`;
  for (let i = 0; i < MANY_LOCKS; i++) await succeed(client, acquire(`${folder}${i}`, i, ""));
}

async function createBadLockspace(stage: Stage): Promise<void> {
  await stage.lab.write("/srv/file", "");
  const path = frames.pathArguments("/srv/file/lockspace", 0);
  await fail(await stage.connectOwner(), request("NEW", 1, path));
}

async function sendHalf(stage: Stage): Promise<void> {
  const client = await stage.connectOwner();
  await client.send(acquire("half").subarray(0, 40));
  await pause(READ_MS);
}

/** One of two names is given up: the file stays locked by the other, and so must stay open by both. */
async function parkDescriptor(stage: Stage): Promise<void> {
  const [disk, alias] = ["/srv/disk", "/srv/alias"];
  await stage.lab.write(disk, "");
  await Deno.link(stage.lab.outside(disk), stage.lab.outside(alias));
  const client = await stage.connectOwner();
  for (const name of [disk, alias]) {
    const shared = frames.resourceArguments("", name, frames.AcquireFlag.shared);
    await succeed(client, request("ACQUIRE_RESOURCE", 1, shared));
  }
  await succeed(client, release(disk, 1, ""));
}

/** Three frames of the admin program: as base64 they are more than fits into a state, and into the daemon's heap. */
async function sendLargeHalves(stage: Stage): Promise<void> {
  const half = new Uint8Array(HALF_FRAME_BYTES);
  new DataView(half.buffer).setUint32(0, FRAME_LIMIT_BYTES);
  for (let i = 0; i < 3; i++) {
    const client = stage.use(await Client.connect(stage.lab.outside(ADMIN_SOCKET)));
    await client.send(half);
  }
  await pause(READ_MS);
}

/** Gives the daemon another configuration. */
function configure(text: string): Hazard["prepare"] {
  return (stage) => stage.lab.write("/etc/libvirt/virtlockd.conf", text);
}

async function replaceBy(stage: Stage, text: string, mode: number): Promise<void> {
  await stage.lab.write(`${PROGRAM}.new`, text, mode);
  await Deno.rename(stage.lab.outside(`${PROGRAM}.new`), stage.lab.outside(PROGRAM));
}

const toOurs: readonly Hazard[] = [
  { title: "with a client that has not registered", prepare: connectSilent },
  { title: "with a client whose process is gone", prepare: connectGhost },
  { title: "with a resource whose name is no UTF-8", prepare: lockByBytes },
  { title: "with a state of more than 10 MiB", prepare: fillState },
  { title: "after a NEW with a bad path", prepare: createBadLockspace },
  { title: "with a descriptor that was parked", prepare: parkDescriptor },
  {
    title: "of a daemon started as ./virtlockd",
    options: { argv0: "./virtlockd", cwd: "/srv/sbin" },
    prepare: async () => {},
  },
  {
    title: "of a daemon started by a symbolic link",
    options: { argv0: LINK },
    prepare: async () => {},
  },
];

const toC: readonly Hazard[] = [
  { title: "to the C daemon", prepare: async () => {} },
  { title: "to the C daemon with a client that has not registered", prepare: connectSilent },
  { title: "to the C daemon with a client whose process is gone", prepare: connectGhost },
  { title: "to the C daemon after a NEW with a bad path", prepare: createBadLockspace },
  { title: "to the C daemon with a descriptor that was parked", prepare: parkDescriptor },
  {
    title: "to the C daemon with a resource whose name is no UTF-8",
    refused: /everything goes on as before: .*UTF-8/,
    prepare: lockByBytes,
  },
  {
    title: "to the C daemon with a state of more than 10 MiB",
    refused: /the state has at least \d+ bytes, the limit is 10485760/,
    prepare: fillState,
  },
  {
    title: "to the C daemon with a log level that there is not",
    refused: /everything goes on as before: .*priority, argument '9' is invalid/,
    prepare: configure("log_level = 9\n"),
  },
  {
    title: "to the C daemon with a log file in a folder that there is not",
    refused: /everything goes on as before: open "\/srv\/none\/log": No such file/,
    prepare: configure('log_outputs = "2:file:/srv/none/log"\n'),
  },
  {
    title: "to the C daemon with an option that is ours",
    options: { args: ["-v", "--no-sandbox", "-t", "0"] },
    prepare: async () => {},
  },
  {
    title: "to the C daemon with a half-read request",
    refused: /everything goes on as before: /,
    prepare: sendHalf,
  },
];

const toNobody: readonly Hazard[] = [
  {
    title: "with half-read requests of 99 MB",
    refused: /the state has at least \d+ bytes, the limit is 50331648/,
    prepare: sendLargeHalves,
  },
  {
    title: "with a typing error in the configuration",
    refused: /configuration file syntax error: .*virtlockd.conf:1: expecting a value/,
    prepare: configure("max_clients = = 3\n"),
  },
  {
    title: "with a log level that there is not",
    refused: /everything goes on as before: .*priority, argument '9' is invalid/,
    prepare: configure("log_level = 9\n"),
  },
  {
    title: "of a daemon whose working directory has been removed",
    options: { cwd: "/srv/link" },
    refused: /everything goes on as before: no working directory: getcwd: No such file/,
    prepare: (stage) => Deno.remove(stage.lab.outside("/srv/link"), { recursive: true }),
  },
  {
    title: "with no program in its place any more",
    refused: /No such file/,
    prepare: (stage) => Deno.remove(stage.lab.outside(PROGRAM)),
  },
  {
    title: "with a program in its place that may not be executed",
    refused: /Permission denied/,
    prepare: (stage) => replaceBy(stage, "#!/bin/sh\n", 0o644),
  },
  {
    title: "with a program in its place that is none",
    refused: /Exec format error/,
    prepare: (stage) => replaceBy(stage, "\0\0\0\0", 0o755),
  },
  {
    title: "with a folder where the state should go",
    refused: /"\/run\/virtlockd-restart-exec.json": (Is a directory|Permission denied)/,
    prepare: (stage) => Deno.mkdir(stage.lab.outside(STATE_FILE)),
  },
];

export const hazards: readonly Hazard[] = [
  ...toOurs.map((hazard) => ({ ...hazard, successor: ours })),
  ...toC.map((hazard) => ({ ...hazard, successor: original })),
  ...toNobody,
];
