/** virtlockd with sockets that systemd made: which it takes, which it refuses, and whose they stay. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { compiled } from "../native/virtlockd/c_program.ts";
import { Lab } from "../native/virtlockd/lab.ts";
import {
  ADMIN_SOCKET,
  type Daemon,
  LOCK_SOCKET,
  ownDaemon,
} from "../native/virtlockd/lab_daemon.ts";
import { Caller, INIT } from "./helpers/caller.ts";
import { exists, LEASES, obstacle, register } from "./helpers/stage.ts";
import { statusField } from "./helpers/process_status.ts";

/** Where the sockets are that systemd made. */
const LOCK = "/run/activated-lock";
const ADMIN = "/run/activated-admin";
const NOT_OURS = 'error 39/7 "Cannot find program 245874415 version 1"';

interface Activation {
  /** LISTEN_PID; the daemon's own unless given. */
  readonly pid?: string;
  /** LISTEN_FDNAMES, or "-" for none. */
  readonly names: string;
  readonly paths: readonly string[];
}

function argumentsOf({ pid = "self", names, paths }: Activation): string[] {
  return [pid, names, paths.join(":"), ownDaemon()];
}

/** Starts the daemon and waits until `socket` accepts. */
async function start(lab: Lab, activation: Activation, socket: string): Promise<Daemon> {
  const activate = await compiled("activate", new URL("./helpers/", import.meta.url));
  return await lab.start(activate, { args: argumentsOf(activation), socket });
}

/** What the daemon answers to a REGISTER on that socket. */
async function answer(lab: Lab, socket: string): Promise<string> {
  await using caller = await Caller.connect(lab, INIT, socket);
  return await caller.createLockspace(LEASES);
}

async function takesBoth(names: string, paths: readonly string[]): Promise<void> {
  await using lab = await Lab.open();
  const daemon = await start(lab, { names, paths }, LOCK);
  for (let image = 0; image < 2; image++) {
    assertEquals(await answer(lab, LOCK), "ok");
    assertEquals(await answer(lab, ADMIN), NOT_OURS);
    if (image === 0) assert(await daemon.reexec(), daemon.stderr);
  }
  assert(!await exists(lab.outside(LOCK_SOCKET)) && !await exists(lab.outside(ADMIN_SOCKET)));
  assertEquals((await daemon.terminate()).code, 0, daemon.stderr);
  for (const path of paths) assert(await exists(lab.outside(path)), `${path} was removed`);
}

async function takesOne(): Promise<void> {
  await using lab = await Lab.open();
  const daemon = await start(lab, { names: "virtlockd.socket", paths: [LOCK] }, LOCK);
  assertEquals(await answer(lab, LOCK), "ok");
  assert(await daemon.reexec(), daemon.stderr);
  assertEquals(await answer(lab, LOCK), "ok");
  for (const path of [LOCK_SOCKET, ADMIN_SOCKET]) assert(!await exists(lab.outside(path)), path);
}

async function refusesUnknown(): Promise<void> {
  await using lab = await Lab.open();
  const activate = await compiled("activate", new URL("./helpers/", import.meta.url));
  const names = "virtlockd.socket:other.socket";
  const args = argumentsOf({ names, paths: [LOCK, ADMIN] });
  const { code, stderr } = await lab.command(activate, { args }).output();
  assertEquals(code, 6);
  assertMatch(
    new TextDecoder().decode(stderr),
    /Some activation file descriptors are unclaimed: other.socket/,
  );
}

async function bindsItsOwn(activation: Activation, said: RegExp | undefined): Promise<void> {
  await using lab = await Lab.open();
  const daemon = await start(lab, activation, LOCK_SOCKET);
  assertEquals(await answer(lab, LOCK_SOCKET), "ok");
  assertEquals(await answer(lab, ADMIN_SOCKET), NOT_OURS);
  if (said === undefined) assertEquals(daemon.stderr, "");
  else assertMatch(daemon.stderr, said);
  assertEquals(await statusField(daemon.pid, "Threads"), "1");
  assertEquals((await daemon.terminate()).code, 0, daemon.stderr);
  for (const path of [LOCK_SOCKET, ADMIN_SOCKET]) assert(!await exists(lab.outside(path)), path);
}

const reason = await obstacle("/usr/bin/cc");
const both = "virtlockd.socket:virtlockd-admin.socket";
register(
  "virtlockd takes both activated sockets by their names",
  reason,
  () => takesBoth(both, [LOCK, ADMIN]),
);
register(
  "virtlockd takes both activated sockets in the other order",
  reason,
  () => takesBoth("virtlockd-admin.socket:virtlockd.socket", [ADMIN, LOCK]),
);
register(
  "virtlockd offers no admin service where systemd made the lock socket alone",
  reason,
  takesOne,
);
register(
  "virtlockd exits with 6 when an activated socket is none of its own",
  reason,
  refusesUnknown,
);
register(
  "virtlockd binds its own sockets when LISTEN_PID is another process",
  reason,
  () => bindsItsOwn({ pid: "1", names: both, paths: [LOCK, ADMIN] }, undefined),
);
register(
  "virtlockd binds its own sockets when LISTEN_FDNAMES is missing",
  reason,
  () =>
    bindsItsOwn(
      { names: "-", paths: [LOCK] },
      /error : .*socket activation ignored: LISTEN_FDS is 1/,
    ),
);
register(
  "virtlockd binds its own sockets when LISTEN_FDNAMES names another number",
  reason,
  () =>
    bindsItsOwn(
      { names: both, paths: [LOCK] },
      /error : .*socket activation ignored: LISTEN_FDS is 1, .* 2/,
    ),
);
