import { assert, assertEquals } from "@std/assert";
import { STRING_MAX_BYTES } from "../../../src/wire/rpc.ts";
import * as admin from "../../native/virtlockd/admin_frames.ts";
import { goldenPath, goldenStories } from "../../native/virtlockd/admin_golden.ts";
import { parseTranscript } from "../../native/virtlockd/admin_transcript.ts";
import * as frames from "../../native/virtlockd/client_frames.ts";
import { Answerer, Replay, somebody } from "./admin_replay.ts";
import { type FakeClient, FakeTarget } from "./fake_admin_target.ts";

for (const story of goldenStories) {
  Deno.test(`answerAdmin() answers the story ${story.name} as the C daemon did`, async () => {
    new Replay().run(parseTranscript(await Deno.readTextFile(goldenPath(story))));
  });
}

interface Scene {
  readonly target: FakeTarget;
  readonly caller: FakeClient;
  readonly answerer: Answerer;
}

function scene(): Scene {
  const target = new FakeTarget();
  return { target, caller: target.admin.connect(1, somebody), answerer: new Answerer() };
}

/** The payload of the reply, in hexadecimal. */
function payload({ writer }: Answerer): string {
  return frames.toHex(writer.copy().slice(28));
}

Deno.test("answerAdmin() gives log outputs that are none as an empty setting", () => {
  const { target, caller, answerer } = scene();
  target.setLogOutputs(" ");
  assertEquals(answerer.answer(admin.getOutputs(), target, caller), "reply");
  assertEquals(payload(answerer), "00000000" + "00000000");
});

Deno.test("answerAdmin() sets the idle timeout, up to the largest number", () => {
  const { target, caller, answerer } = scene();
  for (const seconds of [5, 0xffffffff, 0]) {
    answerer.answer(admin.setTimeout(seconds), target, caller);
    assertEquals(target.idleTimeoutSeconds, seconds);
  }
});

Deno.test("answerAdmin() leaves what a refused call wanted to change", () => {
  const { target, caller, answerer } = scene();
  const before = { ...target.virtlockd.limits };
  const limit = admin.uint("nclients_max", 5);
  answerer.answer(admin.setLimits("virtlockd", [limit]), target, caller);
  answerer.answer(admin.setLimits("virtlockd", [limit], 1), target, caller);
  answerer.answer(admin.setTimeout(7, 1), target, caller);
  answerer.answer(
    admin.setThreadpool("virtlockd", [admin.uint("prioWorkers", 7)], 1),
    target,
    caller,
  );
  assertEquals(target.virtlockd.limits, before);
  assertEquals(target.idleTimeoutSeconds, 0);
  assertEquals(target.virtlockd.priorityWorkers, 0);
});

Deno.test("answerAdmin() closes a client that closes itself, through nobody else", () => {
  const { target, caller, answerer } = scene();
  const other = target.virtlockd.connect(1, somebody);
  const same = admin.closeClient("admin", BigInt(caller.id));
  assertEquals(answerer.answer(same, target, caller), "close");
  assert(!caller.isClosed);
  const closing = admin.closeClient("virtlockd", BigInt(other.id));
  assertEquals(answerer.answer(closing, target, caller), "reply");
  assert(other.isClosed);
});

Deno.test("answerAdmin() tells an SELinux context, and no name that there is not", () => {
  const { target, caller, answerer } = scene();
  const who = { pid: 1, uid: 0xfffffffe, gid: 7, selinuxContext: "u:r:t:s0" };
  const client = target.virtlockd.connect(1, who);
  client.madeCall = true;
  answerer.answer(admin.clientInfo("virtlockd", BigInt(client.id)), target, caller);
  const { u32, xdrString, concat } = frames;
  const expected = concat(
    u32(5),
    ...[xdrString("readonly"), u32(6, 0)],
    ...[xdrString("unix_user_id"), u32(1, 0xfffffffe)],
    ...[xdrString("unix_group_id"), u32(1, 7)],
    ...[xdrString("unix_process_id"), u32(1, 1)],
    ...[xdrString("selinux_context"), u32(7), xdrString("u:r:t:s0")],
  );
  assertEquals(payload(answerer), frames.toHex(expected));
});

Deno.test("answerAdmin() lists 16384 clients and refuses to list one more", () => {
  const { target, caller, answerer } = scene();
  for (let i = 0; i < 16384; i++) target.virtlockd.connect(1, somebody);
  answerer.answer(admin.listClients("virtlockd"), target, caller);
  assertEquals(answerer.writer.length, 28 + 4 + 16384 * 36 + 4);
  target.virtlockd.connect(1, somebody);
  answerer.answer(admin.listClients("virtlockd", 0), target, caller);
  const text = "Too many clients '16385' for limit '16384'";
  assert(new TextDecoder().decode(answerer.writer.copy()).includes(text));
});

Deno.test("answerAdmin() closes a connection whose error has a text over 4 MiB", () => {
  const { target, caller, answerer } = scene();
  const lookup = (length: number): string =>
    answerer.answer(admin.lookupServer("n".repeat(length)), target, caller);
  const room = STRING_MAX_BYTES - "Server not found: No server named ''".length;
  assertEquals(lookup(room), "reply");
  assertEquals(lookup(room + 1), "close");
  assertEquals(lookup(STRING_MAX_BYTES + 1), "reply");
  assert(payload(answerer).includes(frames.toHex(frames.bytesOf("Unable to decode"))));
});

Deno.test("answerAdmin() cannot encode a setting over 4 MiB, and says so", () => {
  const { target, caller, answerer } = scene();
  answerer.answer(admin.setFilters(`1:${"n".repeat(STRING_MAX_BYTES - 4)}`), target, caller);
  assertEquals(answerer.answer(admin.getFilters(), target, caller), "reply");
  assert(payload(answerer).includes(frames.toHex(frames.bytesOf("Unable to encode"))));
});
