import { assertEquals } from "@std/assert";
import { emptyLockCall, type LockCall } from "../../../daemons/virtlockd/lock_protocol.ts";
import {
  type Client,
  LockMachine,
  type Outcome,
  PROCEDURE_NAMES,
  type Work,
} from "../../../daemons/virtlockd/machine.ts";
import type { RpcError } from "../../../src/wire/rpc.ts";

const REGISTER = 1;
const RESTRICT = 2;
const NEW = 3;
const CREATE = 4;
const DELETE = 5;
const ACQUIRE = 6;
const RELEASE = 7;
const CREATE_LOCKSPACE = 8;

const uuid = Uint8Array.from({ length: 16 }, (_, i) => i);

/** A machine with the lockspace /ls, and a client of process 7 that has registered. */
class Rig {
  readonly machine = new LockMachine(() => 1_700_000_000_000);
  readonly client: Client = newClient(7);

  constructor() {
    this.machine.table.add("/ls");
  }

  begin(procedure: number, fields: Partial<LockCall> = {}, client = this.client): Work {
    return { ...this.machine.begin(client, { ...emptyLockCall(), ...fields, procedure }) };
  }

  finish(procedure: number, fields: Partial<LockCall>, outcome: Partial<Outcome>): Work {
    const call = { ...emptyLockCall(), ...fields, procedure };
    return { ...this.machine.finish(this.client, call, { ...nothing, ...outcome }) };
  }

  /** Has the machine hold a lock on file `ino`, without an answer of interest. */
  hold(path: string, name: string, flags: number, ino: number, client = this.client): void {
    const fields = { path, name, flags };
    this.begin(ACQUIRE, fields, client);
    const call = { ...emptyLockCall(), ...fields, procedure: ACQUIRE };
    const outcome = { ...nothing, result: "locked" as const, fd: ino, dev: 1, ino };
    this.machine.finish(client, call, outcome);
  }
}

const nothing: Outcome = { result: "done", fd: -1, dev: 0, ino: 0, errno: 0, reason: "" };

function newClient(pid?: number): Client {
  const owner = pid === undefined ? undefined : { uuid, name: "vm", id: 1, pid };
  return { owner, restricted: false };
}

/** The error of a reply as the description of the protocol gives it: code/domain, then message, strings and numbers. */
function said(work: Work): unknown {
  assertEquals(work.step, "reply");
  return work.error === undefined ? "ok" : work.error;
}

function prefixed(code: number, domain: number, prefix: string, detail: string): RpcError {
  const message = `${prefix}: ${detail}`;
  return { code, domain, message, str1: `${prefix}: %s`, str2: detail, int1: -1, int2: -1 };
}

const internal = (domain: number, detail: string): RpcError =>
  prefixed(1, domain, "internal error", detail);
const busy = (detail: string): RpcError => prefixed(87, 51, "resource busy", detail);
const invalid = (detail: string): RpcError =>
  prefixed(55, 7, "Requested operation is not valid", detail);
const unregistered = invalid("lock owner details have not been registered");
const restricted = prefixed(
  29,
  7,
  "operation forbidden",
  "lock manager connection has been restricted",
);

function system(domain: number, detail: string, errno: number): RpcError {
  return { code: 38, domain, message: detail, str1: "%s", str2: detail, int1: errno, int2: -1 };
}

function badFlags(bits: string, name: string): RpcError {
  return {
    code: 8,
    domain: 7,
    message: `unsupported flags (0x${bits}) in function virLockSpaceProtocolDispatch${name}`,
    str1: `virLockSpaceProtocolDispatch${name}`,
    str2: "flags",
    int1: 0,
    int2: 0,
  };
}

const EACCES = { errno: 13, reason: "Permission denied" };

Deno.test("LockMachine looks at flags first, naming only the bad ones, restricted or not", () => {
  const rig = new Rig();
  const outcast = newClient();
  outcast.restricted = true;
  const allowed = [0, 0, 0, 0, 0, 0, 3, 0];
  for (let procedure = REGISTER; procedure < CREATE_LOCKSPACE; procedure++) {
    for (const flags of [0xffff_ffff, 0x8000_0000, 4]) {
      const bits = ((flags & ~allowed[procedure]) >>> 0).toString(16);
      const expected = badFlags(bits, PROCEDURE_NAMES[procedure]);
      assertEquals(said(rig.begin(procedure, { flags }, outcast)), expected);
    }
  }
});

Deno.test("LockMachine refuses a restricted client everything, before it asks who that is", () => {
  const rig = new Rig();
  for (const client of [newClient(), newClient(7)]) {
    client.restricted = true;
    for (let procedure = REGISTER; procedure <= CREATE_LOCKSPACE; procedure++) {
      assertEquals(said(rig.begin(procedure, { ownerId: 1 }, client)), restricted);
    }
  }
});

Deno.test("LockMachine wants a registration for all but REGISTER and CREATE_LOCKSPACE", () => {
  const rig = new Rig();
  for (const procedure of [RESTRICT, NEW, CREATE, DELETE, ACQUIRE, RELEASE]) {
    assertEquals(said(rig.begin(procedure, { path: "/none" }, newClient())), unregistered);
  }
  assertEquals(said(rig.begin(CREATE_LOCKSPACE, { path: "/ls" }, newClient())), "ok");
});

Deno.test("REGISTER takes who the client is, again and again, but not with id 0", () => {
  const rig = new Rig();
  const client = newClient();
  assertEquals(said(rig.begin(REGISTER, { ownerId: 0, ownerPid: 5 }, client)), unregistered);
  assertEquals(client.owner, undefined);
  const first = { uuid, name: "vm", ownerId: 3, ownerPid: 0xffff_ffff };
  assertEquals(said(rig.begin(REGISTER, first, client)), "ok");
  assertEquals(client.owner, { uuid, name: "vm", id: 3, pid: 0xffff_ffff });
  assertEquals(said(rig.begin(REGISTER, { uuid, ownerId: 4, ownerPid: 8 }, client)), "ok");
  assertEquals(client.owner, { uuid, name: "", id: 4, pid: 8 });
});

Deno.test("RESTRICT restricts the client that sent it", () => {
  const rig = new Rig();
  assertEquals(said(rig.begin(RESTRICT)), "ok");
  assertEquals(rig.client.restricted, true);
});

Deno.test("NEW refuses the default lockspace and one that is there", () => {
  const rig = new Rig();
  assertEquals(said(rig.begin(NEW)), invalid("the default lockspace already exists"));
  const expected = internal(7, "Lockspace for path /ls already exists");
  assertEquals(said(rig.begin(NEW, { path: "/ls" })), expected);
});

Deno.test("CREATE_LOCKSPACE is content with the default lockspace and one that is there", () => {
  const rig = new Rig();
  for (const path of ["", "/ls"]) assertEquals(said(rig.begin(CREATE_LOCKSPACE, { path })), "ok");
});

for (const [name, procedure] of Object.entries({ NEW, CREATE_LOCKSPACE })) {
  Deno.test(`${name} makes the directory, and has the lockspace only when that succeeded`, () => {
    const rig = new Rig();
    const path = "/new";
    const { step, path: asked } = rig.begin(procedure, { path });
    assertEquals([step, asked], ["makeLockspace", path]);
    const failed = rig.finish(procedure, { path }, { result: "failed", ...EACCES });
    const expected = system(51, "Unable to create lockspace /new: Permission denied", 13);
    assertEquals(said(failed), expected);
    const file = rig.finish(procedure, { path }, { result: "notDirectory" });
    const detail = "Lockspace location /new exists, but is not a directory";
    assertEquals(said(file), internal(51, detail));
    assertEquals(rig.machine.table.find(path), undefined);
    assertEquals(said(rig.finish(procedure, { path }, { result: "done" })), "ok");
    assertEquals(rig.machine.table.find(path)?.directory, path);
  });
}

for (const procedure of [CREATE, DELETE, ACQUIRE, RELEASE]) {
  Deno.test(`${PROCEDURE_NAMES[procedure]} refuses a lockspace that is not there`, () => {
    const work = new Rig().begin(procedure, { path: "/ls/", name: "x" });
    assertEquals(said(work), internal(7, "Lockspace for path /ls/ does not exist"));
  });
}

const steps: [number, Work["step"], RpcError][] = [
  [CREATE, "createFile", system(0, "cannot create file '/ls/x': Permission denied", 13)],
  [
    DELETE,
    "deleteFile",
    system(51, "Unable to delete lockspace resource /ls/x: Permission denied", 13),
  ],
];

for (const [procedure, wanted, error] of steps) {
  Deno.test(`${PROCEDURE_NAMES[procedure]} does its work on a file that is not locked`, () => {
    const rig = new Rig();
    const fields = { path: "/ls", name: "x" };
    const { step, path } = rig.begin(procedure, fields);
    assertEquals([step, path], [wanted, "/ls/x"]);
    assertEquals(rig.begin(procedure, { name: "/f" }).path, "/f");
    assertEquals(said(rig.finish(procedure, fields, { result: "done" })), "ok");
    assertEquals(said(rig.finish(procedure, fields, { result: "failed", ...EACCES })), error);
    rig.hold("/ls", "x", 1, 5);
    const locked = busy("Lockspace resource 'x' is locked");
    assertEquals(said(rig.begin(procedure, fields)), locked);
  });
}

Deno.test("ACQUIRE_RESOURCE asks for a lock on the file, in the way of the flags", () => {
  const rig = new Rig();
  for (const flags of [0, 1, 2, 3]) {
    const { step, path, shared, autocreate } = rig.begin(ACQUIRE, {
      path: "/ls",
      name: "x",
      flags,
    });
    assertEquals([step, path], ["lockFile", "/ls/x"]);
    assertEquals([shared, autocreate], [(flags & 1) !== 0, (flags & 2) !== 0]);
  }
});

Deno.test("ACQUIRE_RESOURCE enters the lock with its file, owner and time", () => {
  const rig = new Rig();
  rig.begin(ACQUIRE, { path: "/ls", name: "x", flags: 3 });
  const outcome = { result: "locked" as const, fd: 11, dev: 2, ino: 5 };
  assertEquals(said(rig.finish(ACQUIRE, { path: "/ls", name: "x", flags: 3 }, outcome)), "ok");
  const [{ fd, flags, owners, inode, sinceMs }] = rig.machine.table.resources();
  assertEquals([fd, flags, owners, sinceMs], [11, 3, [7], 1_700_000_000_000]);
  assertEquals([inode.dev, inode.ino], [2, 5]);
});

Deno.test("ACQUIRE_RESOURCE of a locked name is granted to sharers only, whatever else they ask", () => {
  const locked = busy("Lockspace resource 'x' is locked");
  for (const first of [0, 1, 2, 3]) {
    for (const second of [0, 1, 2, 3]) {
      const rig = new Rig();
      rig.hold("/ls", "x", first, 5);
      const isGranted = (first & second & 1) !== 0;
      const work = rig.begin(ACQUIRE, { path: "/ls", name: "x", flags: second });
      assertEquals(said(work), isGranted ? "ok" : locked);
      const [{ owners, flags }] = rig.machine.table.resources();
      assertEquals([owners, flags], [isGranted ? [7, 7] : [7], first]);
    }
  }
});

Deno.test("ACQUIRE_RESOURCE says what failed, and enters nothing", () => {
  const rig = new Rig();
  const fields = { path: "/ls", name: "x" };
  const failure = (result: Outcome["result"], flags: number): unknown =>
    said(rig.finish(ACQUIRE, { ...fields, flags }, { result, ...EACCES }));
  const denied = (what: string): RpcError => system(51, `${what}: Permission denied`, 13);
  assertEquals(failure("openFailed", 0), denied("Unable to open resource /ls/x"));
  assertEquals(failure("openFailed", 2), denied("Unable to open/create resource /ls/x"));
  assertEquals(failure("statFailed", 0), denied("Unable to check status of pid file '/ls/x'"));
  assertEquals(failure("lockFailed", 0), denied("Unable to acquire lock on '/ls/x'"));
  assertEquals(failure("busy", 0), busy("Lockspace resource 'x' is locked"));
  assertEquals(rig.machine.table.size, 0);
});

Deno.test("RELEASE_RESOURCE refuses a name that is not locked, and a client that has no lock on it", () => {
  const rig = new Rig();
  const fields = { path: "/ls", name: "x" };
  const notLocked = busy("Lockspace resource 'x' is not locked");
  assertEquals(said(rig.begin(RELEASE, fields)), notLocked);
  rig.hold("/ls", "x", 1, 5, newClient(8));
  assertEquals(
    said(rig.begin(RELEASE, fields)),
    internal(51, "owner 7 does not hold the resource lock"),
  );
});

Deno.test("RELEASE_RESOURCE takes one grant, from any connection of the process, and gives the file back with the last", () => {
  const rig = new Rig();
  const fields = { path: "/ls", name: "x" };
  rig.hold("/ls", "x", 1, 5);
  rig.begin(ACQUIRE, { ...fields, flags: 1 });
  const first = rig.begin(RELEASE, fields, newClient(7));
  assertEquals([said(first), first.removal], ["ok", undefined]);
  const last = rig.begin(RELEASE, fields);
  assertEquals([said(last), last.removal?.close], ["ok", [5]]);
  assertEquals(rig.machine.table.size, 0);
  assertEquals(rig.begin(CREATE_LOCKSPACE, { path: "/ls" }).removal, undefined);
});

Deno.test("LockMachine names what is not UTF-8 byte by byte, and reasons in UTF-8", () => {
  const rig = new Rig();
  const fields = { path: "/ls", name: "\xff" };
  const outcome = { result: "openFailed" as const, errno: 2, reason: "nicht gefunden: ä" };
  const { error } = rig.finish(ACQUIRE, fields, outcome);
  assertEquals(error?.message, "Unable to open resource /ls/\xff: nicht gefunden: \xc3\xa4");
});

Deno.test("finish() of a procedure that asks for no file operation is an error of ours", () => {
  const rig = new Rig();
  for (const procedure of [REGISTER, RESTRICT, RELEASE]) {
    const work = rig.finish(procedure, {}, { result: "done" });
    assertEquals(said(work), internal(7, "no file operation was under way"));
  }
});
