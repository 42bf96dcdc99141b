/** Locks that must not go with somebody else's, nor with a predecessor's idea of them. */
import "../../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { adoptState } from "../../../../daemons/virtlockd/effects/handover.ts";
import { type Watch, watchProcess } from "../../../../daemons/virtlockd/effects/holders.ts";
import { lockFile } from "../../../../daemons/virtlockd/effects/lease_files.ts";
import { LockClient, LockService } from "../../../../daemons/virtlockd/effects/lock_service.ts";
import { Server } from "../../../../daemons/virtlockd/effects/server.ts";
import type { ResourceState, ServerState } from "../../../../daemons/virtlockd/handover.ts";
import { SHARED } from "../../../../daemons/virtlockd/lock_protocol.ts";
import { cString } from "../../../../ffi/memory.ts";
import {
  closeDescriptor,
  F_RDLCK,
  F_WRLCK,
  O_CLOEXEC,
  O_RDWR,
  openFile,
  setLock,
} from "../../../../ffi/file.ts";
import { Reactor } from "../../../../src/host/reactor.ts";
import { MessageType, toHex, u32 } from "../../../native/virtlockd/client_frames.ts";
import { call, done, Rig } from "./connection_rig.ts";
import { socketPair } from "./socket_pair.ts";

/** A lock service with its server, which nobody can connect to. */
class Stage implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "hostkeep-locks-" });
  readonly reactor = new Reactor();
  readonly service = new LockService(this.reactor, {
    clients: () => this.server.clients.values(),
    left: (client) => this.server.remove(client),
    released: () => {},
  });
  readonly server: Server<LockClient> = new Server<LockClient>(this.reactor, {
    name: "virtlockd",
    allowedUid: 0,
    makeClient: (accepted) => new LockClient(this.service, this.reactor, accepted),
    changed: () => {},
  }, { maxClients: 9, maxUnauthenticated: 9 });

  /** An empty file, and its path. */
  file(name: string): string {
    Deno.writeTextFileSync(`${this.folder}/${name}`, "");
    return `${this.folder}/${name}`;
  }

  /** A client that registered itself as process `pid` and has locked one file. */
  holder(pid: number, name: string, watch: Watch): LockClient {
    const { fd } = socketPair();
    const id = this.server.nextClientId++;
    const credentials = { pid, uid: 0, gid: 0 };
    const client = new LockClient(this.service, this.reactor, {
      fd,
      id,
      credentials,
      connectedAt: 0,
    });
    this.server.clients.set(id, client);
    client.owner = { uuid: new Uint8Array(16), name, id, pid };
    client.watch = watch;
    const { table } = this.service.machine;
    const outcome = { ...lockFile(table, this.file(name), false, false), flags: 0, sinceMs: 0 };
    table.insert(table.default, name, outcome, [pid]);
    return client;
  }

  get locked(): string[] {
    return [...this.service.machine.table.resources()].map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    this.service.releaseAll();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("LockService keeps the locks of a holder whose number a dead one had", async () => {
  using stage = new Stage();
  const living = new Deno.Command("sleep", { args: ["600"] }).spawn();
  const { pid } = living;
  // Dead, while a child of it kept the connection.
  const earlier = stage.holder(pid, "earlier", "gone");
  const later = stage.holder(pid, "later", watchProcess(pid));
  earlier.connection.stream.close("end of stream");
  assertEquals(stage.locked, ["earlier", "later"]);
  living.kill("SIGKILL");
  await living.status;
  later.connection.stream.close("end of stream");
  assertEquals(stage.locked, []);
});

/** The access of this process's record lock on the file of descriptors: shown with the one that it was taken through. */
function accessOf(...fds: number[]): string | undefined {
  const infos = fds.map((fd) => Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`));
  return /^lock:.* POSIX +ADVISORY +(\w+)/m.exec(infos.join(""))?.[1];
}

Deno.test("a client that passes a descriptor of a locked file does not cost the lock on it", () => {
  using stage = new Stage();
  using rig = new Rig();
  const path = stage.file("disk");
  const { table } = stage.service.machine;
  const grant = { ...lockFile(table, path, false, false), flags: 0, sinceMs: 0 };
  table.insert(table.default, path, grant, [1]);
  const theirs = openFile(cString(path), O_RDWR | O_CLOEXEC, 0);
  rig.peer.send(call(1, u32(1, 8), { type: MessageType.callWithFds }));
  rig.peer.passDescriptor(theirs);
  rig.turn();
  assertEquals(toHex(rig.peer.received()), toHex(done(1)));
  assertEquals(accessOf(grant.fd, theirs), "WRITE");
  stage.service.releaseAll();
  closeDescriptor(theirs);
});

const nobody: ServerState = {
  priorityWorkers: 0,
  maxClients: 1,
  maxAnonymousClients: 1,
  nextClientId: 1,
  listeners: [],
  clients: [],
};

function adopt({ service, server }: Stage, resources: readonly ResourceState[]): void {
  const lockspaces = [{ directory: "", resources }];
  const state = { pid: 1, lock: nobody, admin: undefined, lockspaces, extra: undefined };
  const rest = { adminServer: undefined, pidFile: undefined, idleTimeoutS: 0, nowMs: 0 };
  adoptState(state, { lockService: service, lockServer: server, ...rest });
}

for (const [before, kind] of [["exclusive", F_WRLCK], ["shared", F_RDLCK]] as const) {
  const name =
    `adoptState locks a file for writing that one of two names had exclusively and the kernel has as ${before}`;
  Deno.test(name, () => {
    using stage = new Stage();
    const path = stage.file("disk");
    const [first, second] = [0, 1].map(() => openFile(cString(path), O_RDWR | O_CLOEXEC, 0));
    assertEquals(setLock(second, kind, 0, 1), 0);
    adopt(stage, [
      { name: path, fd: first, flags: 0, owners: [1] },
      { name: `${path}-alias`, fd: second, flags: SHARED, owners: [2] },
    ]);
    assertEquals(accessOf(first, second), "WRITE");
    const { table } = stage.service.machine;
    assertEquals(lockFile(table, path, true, false).result, "busy");
    stage.service.releaseAll();
    for (const fd of [first, second]) closeDescriptor(fd);
  });
}
