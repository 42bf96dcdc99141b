import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { Channel } from "../../../daemons/cmannotifyd/effects/channel.ts";
import { RunnerClient } from "../../../daemons/cmannotifyd/effects/runner_client.ts";
import { MESSAGE_MAX_BYTES } from "../../../daemons/cmannotifyd/limits.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { libc } from "../../../ffi/libc.ts";
import { sendBytes, seqpacketPair } from "../../../ffi/socket.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { SETTINGS } from "./runner_settings.ts";

// asm-generic/socket.h
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;

/** As under a small net.core.wmem_default. */
function limitSending(fd: number, bytes: number): void {
  const value = new Uint8Array(new Int32Array([bytes]).buffer);
  assertEquals(libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, value.length), 0);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** A channel, the other end of its socket, and what the channel tells. */
function openChannel(reactor: Reactor): { channel: Channel; peer: number; told: string[] } {
  const [ours, peer] = seqpacketPair();
  limitSending(ours, 16_384);
  const told: string[] = [];
  const channel = new Channel(reactor, ours, {
    message: (bytes) => told.push(new TextDecoder().decode(bytes)),
    closed: () => told.push("closed"),
  });
  return { channel, peer, told };
}

Deno.test("a channel whose socket refuses a message is over, and says so once", () => {
  const reactor = new Reactor();
  const { channel, peer, told } = openChannel(reactor);
  channel.send(new Uint8Array(1_000));
  channel.send(new Uint8Array(100_000));
  assertEquals(told, []);
  for (let i = 0; i < 2; i++) reactor.turn(0);
  assertEquals(told, ["closed"]);
  closeDescriptor(peer);
  reactor.close();
});

Deno.test("a channel tells what was said before the other side went, and only then that it did", () => {
  const reactor = new Reactor();
  const { channel, peer, told } = openChannel(reactor);
  for (const text of ["a", "b"]) sendBytes(peer, bytesOf(text), 1);
  closeDescriptor(peer);
  channel.send(bytesOf("nobody reads this"));
  reactor.turn(0);
  assertEquals(told, ["a", "b", "closed"]);
  reactor.close();
});

Deno.test("a channel keeps what its socket has no room for, in order", () => {
  const reactor = new Reactor();
  const [ours, theirs] = seqpacketPair();
  limitSending(ours, 16_384);
  const sizes: number[] = [];
  const events = { message: () => {}, closed: () => {} };
  const channel = new Channel(reactor, ours, events);
  const wanted = Array.from({ length: 40 }, (_, i) => 1_000 + i);
  for (const size of wanted) channel.send(new Uint8Array(size));
  const peer = new Channel(reactor, theirs, {
    ...events,
    message: (bytes) => sizes.push(bytes.length),
  });
  for (let i = 0; i < 100; i++) reactor.turn(0);
  assertEquals(sizes, wanted);
  for (const end of [channel, peer]) end.close();
  reactor.close();
});

Deno.test("the runner is told without JSON that is too long, and the daemon of that", () => {
  const reactor = new Reactor();
  const [ours, peer] = seqpacketPair();
  const said: unknown[] = [];
  const client = new RunnerClient(reactor, ours, SETTINGS, {
    said: (message) => said.push(message),
    failed: (reason) => said.push(reason),
  });
  const input = "x".repeat(MESSAGE_MAX_BYTES);
  client.run({ sequence: 1, reason: "CONFIG_UPDATE", environment: [], input });
  assertEquals(said, [{ type: "note", level: "warn", text: "JSON left out: it is too long" }]);
  client.close();
  closeDescriptor(peer);
  reactor.close();
});
