/** What else happens while virtlockd is being replaced by another program. */
import { assert, assertEquals } from "@std/assert";
import { decodeHeader, Status } from "./client_frames.ts";
import { acquire, fail, PROGRAM, release, Stage, STATE_FILE, succeed } from "./handover_stage.ts";
import { exists } from "./libvirtd_lab.ts";
import { nativeTest, ours } from "./native_test.ts";

const BOTH_STARTS_MS = 60_000;
const REAL = "/srv/real";
/** The end of a program that `deno compile` made: to such a one our daemon hands over everything. */
const TRAILER = "d3n0l4nd................";

/** A successor that first runs a second daemon to its end, while the first one's state lies there. */
function successor(secondArgs: string): string {
  return `#!/bin/bash
${REAL} --no-sandbox ${secondArgs} 2>/srv/second
echo -n $? >/srv/status
exec -a "$0" ${REAL} "$@"
${TRAILER}`;
}

/** The sandbox of the first daemon would not let it become a script. */
async function startsTwice(secondArgs: string, expectedCode: string): Promise<void> {
  await using stage = await Stage.open(ours.path, { daemon: { args: ["--no-sandbox"] } });
  const { lab, daemon } = stage;
  const client = await stage.connectOwner();
  await succeed(client, acquire("held"));
  const before = await stage.locks();
  await Deno.copyFile(ours.path, lab.outside(REAL));
  await Deno.remove(lab.outside(PROGRAM));
  await lab.write(PROGRAM, successor(secondArgs), 0o755);
  assert(await daemon.reexec(), daemon.stderr);
  await client.send(acquire("held", 2));
  const reply = await client.inbox.frameWithin(BOTH_STARTS_MS);
  assertEquals(reply && decodeHeader(reply).status, Status.error, daemon.stderr);
  const second = await Deno.readTextFile(lab.outside("/srv/second"));
  assertEquals(await Deno.readTextFile(lab.outside("/srv/status")), expectedCode, second);
  assertEquals(await stage.locks(), before);
  await fail(await stage.connectOwner(), acquire("held"));
  await succeed(client, release("held", 3));
  assert(!await exists(lab.outside(STATE_FILE)), "the state is still there");
}

nativeTest(
  "a second virtlockd that is started during a re-exec costs no lock",
  [ours.path],
  () => startsTwice("", "1"),
);
nativeTest(
  "a second virtlockd with another pid file that is started during a re-exec costs no lock",
  [ours.path],
  () => startsTwice("-p /run/other.pid", "6"),
);
