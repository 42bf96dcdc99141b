/** The ways to the event program's helper where nobody takes the connection. */
import { assertEquals, assertThrows } from "@std/assert";
import "../../bind_libc.ts";
import { helperAt } from "../../../daemons/mdmpd/effects/hook_way.ts";
import { EAGAIN, Errno } from "../../../ffi/errno.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { libc } from "../../../ffi/libc.ts";
import { acceptSocket, bindUnix, listenSocket } from "../../../ffi/socket.ts";

// bits/socket.h
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;

function listenAt(path: string, backlog: number): number {
  const fd = libc.socket(AF_UNIX, SOCK_SEQPACKET, 0);
  bindUnix(fd, path);
  listenSocket(fd, backlog);
  return fd;
}

Deno.test("helperAt does not wait for a service manager that is behind, and reaches it when it has caught up", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/socket`;
    const manager = listenAt(path, 0);
    const way = helperAt(path);
    // The backlog of 0 has room for one.
    const connections = [way.reach()];
    const error = assertThrows(() => way.reach(), Errno);
    assertEquals([error.code, way.reopens], [EAGAIN, true]);
    connections.push(acceptSocket(manager), way.reach());
    for (const fd of [...connections, manager]) closeDescriptor(fd);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
