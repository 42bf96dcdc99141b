import "../../bind_libc.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { closeDescriptor } from "../../../ffi/file.ts";
import {
  bindListener,
  Listener,
  NotASocketError,
  SocketInUseError,
} from "../../../src/host/listener.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { DatagramServer } from "./datagrams.ts";

function inFolder(body: (path: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    body(`${folder}/socket`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Binds, and lets go; the file stays. */
function bindOnce(path: string, mode: number): void {
  closeDescriptor(bindListener(path, mode, 1));
}

Deno.test("bindListener takes the place of a socket that nobody serves", () =>
  inFolder((path) => {
    bindOnce(path, 0o600);
    bindOnce(path, 0o660);
    const { isSocket, mode } = Deno.statSync(path);
    assertEquals([isSocket, (mode ?? 0) & 0o777], [true, 0o660]);
  }));

Deno.test("bindListener leaves a socket alone that somebody serves, even when its backlog is full", () =>
  inFolder((path) => {
    const fd = bindListener(path, 0o600, 0);
    const { ino } = Deno.statSync(path);
    // The backlog of 0 has room for one; nobody accepts.
    for (let i = 0; i < 3; i++) {
      const error = assertThrows(() => bindListener(path, 0o600, 1), SocketInUseError);
      assertEquals(error.message, `"${path}" is served by another process: stop that one first`);
    }
    assertEquals(Deno.statSync(path).ino, ino);
    closeDescriptor(fd);
  }));

Deno.test("bindListener leaves a socket of another type alone", () => {
  using server = new DatagramServer();
  assertThrows(() => bindListener(server.path, 0o600, 1), SocketInUseError);
  assertEquals(Deno.statSync(server.path).isSocket, true);
});

Deno.test("bindListener leaves a file alone that is no socket", () =>
  inFolder((path) => {
    Deno.writeTextFileSync(path, "dear");
    const error = assertThrows(() => bindListener(path, 0o600, 1), NotASocketError);
    assertEquals(
      error.message,
      `"${path}" is there and no socket: remove it, or name another path`,
    );
    assertEquals(Deno.readTextFileSync(path), "dear");
  }));

/** Listens at a path, as a daemon does that removes its socket file when it ends. */
function listenAt(reactor: Reactor, path: string): Listener {
  const events = { accepted: closeDescriptor, exhausted: (): void => {} };
  return new Listener(reactor, bindListener(path, 0o600, 1), events, true);
}

Deno.test("Listener.close removes its socket file, and not that of a daemon that came after its own was removed", () =>
  inFolder((path) => {
    const reactor = new Reactor();
    const first = listenAt(reactor, path);
    Deno.removeSync(path);
    const second = listenAt(reactor, path);
    first.close();
    assertEquals(Deno.statSync(path).isSocket, true);
    second.close();
    assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
    reactor.close();
  }));

Deno.test("bindListener leaves a socket alone of which it may not ask whether somebody serves it", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  try {
    bindOnce(path, 0o000);
    const script = new URL("bind_without_capabilities.ts", import.meta.url).pathname;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, path],
    }).output();
    const decoder = new TextDecoder();
    assertEquals(
      decoder.decode(stdout),
      `Errno: connect "${path}": Permission denied\n`,
      decoder.decode(stderr),
    );
    assertEquals(Deno.statSync(path).isSocket, true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
