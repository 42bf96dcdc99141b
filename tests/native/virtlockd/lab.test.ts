/** The labs themselves: whatever runs in one is seen by nobody else. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Client } from "./client.ts";
import { describe } from "./client_describe.ts";
import * as frames from "./client_frames.ts";
import { Lab } from "./lab.ts";
import { C_DAEMON, type Daemon, LOCK_SOCKET } from "./lab_daemon.ts";
import { fileIdentity, listFiles, locksOf } from "./lab_locks.ts";
import { obstacle, skipped } from "./lab_requirements.ts";

const reason = await obstacle(C_DAEMON);

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: skipped(name, reason), fn });
}

/** Registers, makes the lockspace /srv/ls and locks x in it; gives the three answers. */
async function lockOne(lab: Lab): Promise<string[]> {
  await using client = await Client.connect(lab.outside(LOCK_SOCKET));
  const owner = { uuid: frames.someUuid, name: "a", id: 1, pid: 70001 };
  const calls = [
    frames.frame(frames.callHeader("REGISTER", 1), frames.registerArguments(owner)),
    frames.frame(frames.callHeader("NEW", 2), frames.pathArguments("/srv/ls", 0)),
    frames.frame(
      frames.callHeader("ACQUIRE_RESOURCE", 3),
      frames.resourceArguments("/srv/ls", "x", frames.AcquireFlag.autocreate),
    ),
  ];
  const answers: string[] = [];
  for (const call of calls) answers.push(describe(await client.call(call) ?? frames.pong));
  return answers;
}

async function lockedFiles(lab: Lab, daemon: Daemon): Promise<string[]> {
  const held = new Set((await locksOf(daemon.pid)).map(({ identity }) => identity));
  const files = await listFiles(lab, "/srv");
  return files.filter(({ identity }) => held.has(identity)).map(({ path }) => path);
}

test("two labs run a daemon each on the same paths", async () => {
  await using one = await Lab.open();
  await using other = await Lab.open();
  const daemons = await Promise.all([one.start(C_DAEMON), other.start(C_DAEMON)]);
  const granted = ["REGISTER #1 ok", "NEW #2 ok", "ACQUIRE_RESOURCE #3 ok"];
  assertEquals(await lockOne(one), granted);
  assertEquals(await lockOne(other), granted);
  assertEquals(await lockedFiles(one, daemons[0]), ["ls/x"]);
  assertEquals(await lockedFiles(other, daemons[1]), ["ls/x"]);
});

test("a lab leaves the directories of the host as they are", async () => {
  const identities = (): Promise<Array<string | undefined>> =>
    Promise.all(["/run/libvirt", LOCK_SOCKET, "/run/virtlockd.pid", "/srv/ls"].map(fileIdentity));
  const before = await identities();
  await using lab = await Lab.open();
  await lab.start(C_DAEMON);
  await lockOne(lab);
  assertEquals(await identities(), before);
});

test("a lab ends its daemons when it is disposed of", async () => {
  const lab = await Lab.open();
  const daemon = await lab.start(C_DAEMON);
  await lab[Symbol.asyncDispose]();
  assertEquals(daemon.ended?.signal, "SIGKILL");
});

test("Daemon.reexec waits for the new program image of the same process", async () => {
  await using lab = await Lab.open();
  const daemon = await lab.start(C_DAEMON);
  await using client = await Client.connect(lab.outside(LOCK_SOCKET));
  const owner = { uuid: frames.someUuid, name: "a", id: 1, pid: 70001 };
  await client.call(
    frames.frame(frames.callHeader("REGISTER", 1), frames.registerArguments(owner)),
  );
  assertEquals(await daemon.reexec(), true);
  assertEquals(describe(await client.call(frames.ping) ?? frames.ping), "PONG");
});

test("Lab.start reports a daemon that does not start with its standard error", async () => {
  await using lab = await Lab.open();
  await lab.write("/run/bad.conf", 'max_clients = "many"\n');
  const start = (): Promise<Daemon> => lab.start(C_DAEMON, { args: ["-f", "/run/bad.conf"] });
  const error = await assertRejects(start) as Error;
  assertStringIncludes(error.message, "expected an unsigned integer for 'max_clients'");
});

test("Lab.open gives the daemon its default configuration file", async () => {
  await using lab = await Lab.open({ defaultConfig: "max_clients = 0\nlog_level = 9\n" });
  const error = await assertRejects(() => lab.start(C_DAEMON)) as Error;
  assertStringIncludes(error.message, "Failed to set logging priority, argument '9' is invalid");
});
