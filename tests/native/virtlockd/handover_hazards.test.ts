/**
 * What makes the C daemon die at SIGUSR1, or soon after, and with it every lock: ours either hands
 * over or says why not and carries on, and nobody loses a lock or a connection.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client } from "./client.ts";
import * as frames from "./client_frames.ts";
import { ClientProcess } from "./client_process.ts";
import { Lab } from "./lab.ts";
import { type Daemon, type DaemonOptions, LOCK_SOCKET, pause } from "./lab_daemon.ts";
import { locksOf } from "./lab_locks.ts";
import { nativeTest, ours } from "./native_test.ts";

const PATH = "/srv/virtlockd";
const LINK = "/srv/link/virtlockd";
const STATE = "/run/virtlockd-restart-exec.json";
/** Time in which a daemon that is going to end would do so. */
const SETTLE_MS = 300;
/** PATH_MAX less room for a name and the NUL. */
const LONGEST_FOLDER = 4000;
const MANY_LOCKS = 2800;

interface Hazard {
  /** Completes "SIGUSR1 ... costs no lock and no connection" */
  readonly title: string;
  readonly options?: DaemonOptions;
  /** Whether the daemon cannot hand over and has to say so. */
  readonly refused?: RegExp;
  prepare(stage: Stage): Promise<void>;
}

class Stage implements AsyncDisposable {
  readonly stack = new AsyncDisposableStack();
  readonly #lab: Lab;
  readonly #daemon: Daemon;

  private constructor(lab: Lab, daemon: Daemon) {
    this.#lab = this.stack.use(lab);
    this.#daemon = daemon;
  }

  /** A daemon whose program nobody else uses. */
  static async open(options: DaemonOptions): Promise<Stage> {
    const lab = await Lab.open({ defaultConfig: "max_clients = 50\n" });
    await Deno.copyFile(ours.path, lab.outside(PATH));
    await Deno.mkdir(lab.outside("/srv/link"));
    await Deno.symlink(PATH, lab.outside(LINK));
    return new Stage(lab, await lab.start(PATH, { openFiles: 8192, ...options }));
  }

  get lab(): Lab {
    return this.#lab;
  }

  get daemon(): Daemon {
    return this.#daemon;
  }

  /** A connection that has not said anything. */
  async connect(): Promise<Client> {
    return this.stack.use(await Client.connect(this.lab.outside(LOCK_SOCKET)));
  }

  async connectOwner(): Promise<Client> {
    const client = await this.connect();
    const owner = { uuid: frames.someUuid, name: "owner", id: 1, pid: 1 };
    assertEquals(await ask(client, "REGISTER", frames.registerArguments(owner)), "ok");
    return client;
  }

  async locks(): Promise<string[]> {
    const all = await locksOf(this.daemon.pid);
    return all.map(({ access, identity }) => `${access} ${identity}`).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

async function ask(
  client: Client,
  procedure: frames.LockProcedure,
  payload: Uint8Array,
): Promise<"ok" | "error"> {
  const reply = await client.call(frames.frame(frames.callHeader(procedure, 1), payload));
  if (!reply) throw new Error(`${procedure}: no reply`);
  return frames.decodeHeader(reply).status === frames.Status.ok ? "ok" : "error";
}

async function acquire(client: Client, name: frames.Text): Promise<void> {
  const payload = frames.resourceArguments("", name, frames.AcquireFlag.autocreate);
  assertEquals(await ask(client, "ACQUIRE_RESOURCE", payload), "ok");
}

/** Two connections of a process that dies, held open by its child. */
async function loseClient(stage: Stage): Promise<void> {
  const parent = stage.stack.use(await ClientProcess.start(stage.lab));
  const connection = await parent.connect("only", LOCK_SOCKET);
  const owner = { uuid: frames.someUuid, name: "gone", id: 1, pid: 1 };
  const header = frames.callHeader("REGISTER", 1);
  await connection.send(frames.frame(header, frames.registerArguments(owner)));
  assert(await connection.inbox.frameWithin(5000));
  await parent.fork();
  parent.kill("SIGKILL");
  await parent.endWithin(5000);
}

/** More than the 10 MiB the C daemon reads: a lock's name and path are both in the state. */
async function fillState(stage: Stage): Promise<void> {
  const client = await stage.connectOwner();
  const folder = `/srv/${"./".repeat(LONGEST_FOLDER / 2)}`;
  for (let index = 0; index < MANY_LOCKS; index++) await acquire(client, `${folder}${index}`);
}

async function poison(stage: Stage): Promise<void> {
  const client = await stage.connectOwner();
  await stage.lab.write("/srv/file", "");
  const payload = frames.pathArguments("/srv/file/lockspace", 0);
  assertEquals(await ask(client, "NEW", payload), "error");
}

async function replace(stage: Stage, text: string, mode: number): Promise<void> {
  await stage.lab.write(`${PATH}.new`, text, mode);
  await Deno.rename(stage.lab.outside(`${PATH}.new`), stage.lab.outside(PATH));
}

const hazards: readonly Hazard[] = [
  {
    title: "with a client that has not registered",
    prepare: async (stage) => void await stage.connect(),
  },
  { title: "with a client whose process is gone", prepare: loseClient },
  {
    title: "with a resource whose name is no UTF-8",
    prepare: async (stage) =>
      await acquire(
        await stage.connectOwner(),
        Uint8Array.from([0x2f, 0x73, 0x72, 0x76, 0x2f, 0xff]),
      ),
  },
  { title: "with a state of more than 10 MiB", prepare: fillState },
  { title: "after a NEW with a bad path", prepare: poison },
  {
    title: "with a typing error in the configuration",
    refused: /configuration file syntax error: .*virtlockd.conf:1: expecting a value/,
    prepare: (stage) => stage.lab.write("/etc/libvirt/virtlockd.conf", "max_clients = = 3\n"),
  },
  {
    title: "of a daemon started as ./virtlockd",
    options: { argv0: "./virtlockd", cwd: "/srv" },
    prepare: async () => {},
  },
  {
    title: "of a daemon started by a symbolic link",
    options: { argv0: LINK },
    prepare: async () => {},
  },
  {
    title: "with no program in its place any more",
    refused: /No such file/,
    prepare: (stage) => Deno.remove(stage.lab.outside(PATH)),
  },
  {
    title: "with a program in its place that may not be executed",
    refused: /Permission denied/,
    prepare: (stage) => replace(stage, "#!/bin/sh\n", 0o644),
  },
  {
    title: "with a program in its place that is none",
    refused: /Exec format error/,
    prepare: (stage) => replace(stage, "\0\0\0\0", 0o755),
  },
  {
    title: "with a folder where the state should go",
    refused: /Is a directory/,
    prepare: (stage) => Deno.mkdir(stage.lab.outside(STATE)),
  },
];

async function face(hazard: Hazard): Promise<void> {
  await using stage = await Stage.open(hazard.options ?? {});
  const client = await stage.connectOwner();
  await acquire(client, "/srv/held");
  await hazard.prepare(stage);
  const before = await stage.locks();
  if (hazard.refused) await refuses(stage.daemon, hazard.refused);
  else assert(await stage.daemon.reexec(), stage.daemon.stderr);
  assert(await client.call(frames.ping), `no answer\n${stage.daemon.stderr}`);
  await pause(SETTLE_MS);
  assertEquals(stage.daemon.ended, undefined, stage.daemon.stderr);
  const after = await stage.locks();
  assertEquals(after.length, before.length, stage.daemon.stderr);
  assertEquals(after, before);
  await assertServes(stage, client);
}

async function refuses(daemon: Daemon, reason: RegExp): Promise<void> {
  const said = daemon.stderr.length;
  daemon.signal("SIGUSR1");
  for (let waitedMs = 0; waitedMs < 5000 && daemon.stderr.length === said; waitedMs += 10) {
    await pause(10);
  }
  assertMatch(daemon.stderr.slice(said), reason);
}

/** The old connection and a new one agree about the lock, and then it can be released. */
async function assertServes(stage: Stage, client: Client): Promise<void> {
  const other = await stage.connectOwner();
  const held = frames.resourceArguments("", "/srv/held", 0);
  assertEquals(await ask(other, "ACQUIRE_RESOURCE", held), "error");
  assertEquals(await ask(client, "RELEASE_RESOURCE", held), "ok");
}

for (const hazard of hazards) {
  const name = `SIGUSR1 ${hazard.title} costs no lock and no connection`;
  nativeTest(name, [ours.path], () => face(hazard));
}
