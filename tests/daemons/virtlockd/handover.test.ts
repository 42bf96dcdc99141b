import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeHandover,
  encodeHandover,
  HandoverError,
  handoverMagic,
  type HandoverState,
  parseHandover,
} from "../../../daemons/virtlockd/handover.ts";
import { type Json, libvirtState, ownState, plainState } from "./handover_states.ts";

function again(state: HandoverState): HandoverState {
  return decodeHandover(parseHandover(encodeHandover(state)));
}

function problem(json: unknown): string {
  return assertThrows(() => decodeHandover(json), HandoverError).message;
}

Deno.test("decodeHandover gives back any state that encodeHandover wrote for a daemon of ours", () => {
  fc.assert(fc.property(ownState, (state) => assertEquals(again(state), state)), {
    seed: 21,
    numRuns: 2_000,
  });
});

Deno.test("decodeHandover gives back any state that encodeHandover wrote for the C daemon", () => {
  fc.assert(fc.property(plainState, (state) => assertEquals(again(state), state)), {
    seed: 22,
    numRuns: 1_000,
  });
});

Deno.test("decodeHandover takes what the C daemon writes", () => {
  const { lock, admin, lockspaces, pid, extra } = decodeHandover(libvirtState());
  assertEquals(pid, 4140);
  assertEquals(extra, undefined);
  assertEquals(admin, {
    priorityWorkers: 0,
    maxClients: 5000,
    maxAnonymousClients: 5000,
    nextClientId: 2,
    listeners: [{ fd: 5, unlink: true }],
    clients: [{ id: 1, connectedAtS: 1_700_000_000, fd: 11, restricted: false }],
  });
  assertEquals(lock.listeners, [{ fd: 4, unlink: true }]);
  assertEquals(lock.nextClientId, 5);
  assertEquals(lock.clients[1], {
    id: 3,
    connectedAtS: 1_700_000_000,
    fd: 10,
    restricted: true,
    owner: { uuid: "101112131415161718191a1b1c1d1e1f", name: "guest-b", id: 2, pid: 4142 },
  });
  assertEquals(lockspaces, [
    {
      directory: "",
      resources: [
        { name: "/srv/a.img", fd: 14, flags: 0, owners: [4141] },
        { name: "/srv/b.img", fd: 15, flags: 1, owners: [4142] },
      ],
    },
    {
      directory: "/srv/ls",
      resources: [
        { name: "excl1", fd: 12, flags: 2, owners: [4141] },
        { name: "shared1", fd: 13, flags: 3, owners: [4141, 4142] },
      ],
    },
  ]);
});

Deno.test("encodeHandover writes what the C daemon wrote, key by key", () => {
  assertEquals(JSON.parse(encodeHandover(decodeHandover(libvirtState()))), libvirtState());
});

Deno.test("encodeHandover writes a client that did not register as the C daemon can take it", () => {
  const state = decodeHandover(libvirtState());
  const [client, ...others] = state.lock.clients;
  const { owner: _, ...unregistered } = client;
  const clients = [{ ...unregistered, restricted: false }, ...others];
  const json = JSON.parse(encodeHandover({ ...state, lock: { ...state.lock, clients } }));
  assertEquals(json.daemon.servers.virtlockd.clients[0].privateData, {
    restricted: false,
    ownerPid: 0,
    ownerId: 0,
    ownerName: "",
    ownerUUID: "00000000-0000-0000-0000-000000000000",
  });
  assertEquals(decodeHandover(json).lock.clients[0], { ...unregistered, restricted: false });
});

Deno.test("encodeHandover writes a name that is not UTF-8 readably, and its bytes beside it", () => {
  const state = decodeHandover(libvirtState());
  const resources = [{ name: "/srv/\xff", fd: 14, flags: 0, owners: [1] }];
  const extra = {
    version: 1 as const,
    connections: [],
    callers: [],
    dying: [],
    since: [],
    parked: [],
    names: [[14, btoa("/srv/\xff")]] as [number, string][],
    directories: [[0, btoa("/srv/\xfe")]] as [number, string][],
  };
  const lockspaces = [
    { directory: "", resources },
    { directory: "/srv/\xfe", resources: [] },
  ];
  const text = encodeHandover({ ...state, lockspaces, extra });
  const json = JSON.parse(text);
  assertEquals(json.defaultLockspace.resources[0].path, "/srv/\ufffd");
  assertEquals(json.lockspaces[0].directory, "/srv/\ufffd");
  assertEquals(decodeHandover(json).lockspaces, lockspaces);
});

Deno.test("decodeHandover reads a UUID as libvirt does, with dashes and blanks anywhere", () => {
  const state = libvirtState();
  const { privateData } = state.daemon.servers.virtlockd.clients[0];
  privateData.ownerUUID = " 0001 02030405-0607 08090A0B-0C0D0E0F ";
  const [client] = decodeHandover(state).lock.clients;
  assertEquals(client.owner?.uuid, "000102030405060708090a0b0c0d0e0f");
  for (const wrong of ["", "00", "0".repeat(31), "0".repeat(33), "g".repeat(32)]) {
    privateData.ownerUUID = wrong;
    assertEquals(
      problem(state),
      "daemon.servers.virtlockd.clients.0.privateData.ownerUUID: expected 32 hexadecimal digits",
    );
  }
});

/** The one server of a state, without what libvirt 1.2 did not write. */
function oldServer(): Json {
  const { virtlockd } = libvirtState().daemon.servers;
  delete virtlockd.max_anonymous_clients;
  delete virtlockd.next_client_id;
  for (const client of virtlockd.clients) {
    delete client.id;
    delete client.auth_pending;
    delete client.conn_time;
    delete client.sock.unlinkUNIX;
  }
  for (const service of virtlockd.services) delete service.socks[0].unlinkUNIX;
  return virtlockd;
}

/** Where libvirt 1.2.x put it. */
const oldForms: Record<string, (server: Json) => Json> = {
  "as server": (server) => ({ server }),
  "as daemon": (server) => ({ daemon: server }),
  "in a list": (server) => ({ daemon: { servers: [server] } }),
  "in an object": (server) => ({ daemon: { servers: { virtlockd: server } } }),
};

for (const [where, form] of Object.entries(oldForms)) {
  Deno.test(`decodeHandover takes the one server of libvirt 1.2 ${where}`, () => {
    const { daemon: _, ...rest } = libvirtState();
    const state = decodeHandover({ ...rest, ...form(oldServer()) });
    const { lock } = decodeHandover(libvirtState());
    assertEquals(state.admin, undefined);
    assertEquals(state.lock, {
      ...lock,
      maxAnonymousClients: lock.maxClients,
      nextClientId: 3,
      clients: lock.clients.map((client, i) => ({ ...client, id: i + 1, connectedAtS: 0 })),
    });
  });
}

Deno.test("decodeHandover numbers clients without a number so that none has another's", () => {
  const state = libvirtState();
  const { virtlockd } = state.daemon.servers;
  delete virtlockd.clients[0].id;
  virtlockd.clients[1].id = 9;
  const { lock } = decodeHandover(state);
  assertEquals(lock.clients.map(({ id }) => id), [10, 9]);
  assertEquals(lock.nextClientId, 11);
});

Deno.test("decodeHandover refuses what is there twice", () => {
  const state = libvirtState();
  state.defaultLockspace.resources[1].name = "/srv/a.img";
  assertEquals(problem(state), 'resource "/srv/a.img" of lockspace "" is there twice');
  state.defaultLockspace.resources[1] = {
    ...state.defaultLockspace.resources[1],
    name: "b",
    fd: 9,
  };
  assertEquals(problem(state), "descriptor 9 is used twice");
  state.defaultLockspace.resources.pop();
  state.lockspaces.push({ directory: "/srv/ls", resources: [] });
  assertEquals(problem(state), 'lockspace "/srv/ls" is there twice');
  state.lockspaces[1].directory = "";
  assertEquals(problem(state), 'lockspace "" is there twice');
  state.lockspaces.pop();
  state.daemon.servers.virtlockd.clients[1].id = 2;
  assertEquals(problem(state), "client 2 is there twice");
});

Deno.test("decodeHandover refuses servers that are none of virtlockd's", () => {
  const where = "daemon.servers.virtlockd.min_workers";
  const { daemon, ...rest } = libvirtState();
  const { virtlockd } = daemon.servers;
  const start = (json: unknown): string => problem(json).split(":")[0];
  assertEquals(start({ ...rest, daemon: { servers: {} } }), "daemon.servers.virtlockd");
  assertEquals(start({ ...rest, daemon: { servers: [] } }), "daemon.servers.virtlockd");
  assertEquals(start({ ...rest, daemon: { servers: [{}] } }), where);
  assertEquals(start({ ...rest, daemon: {} }), where);
  assertEquals(start({ ...rest, server: {} }), where);
  assertEquals(start(rest), "daemon");
  assertEquals(start({ ...rest, daemon: { servers: { virtlockd: {} } } }), where);
  const other = { virtlockd, virtlogd: virtlockd };
  assertEquals(start({ ...rest, daemon: { servers: other } }), "daemon.servers.virtlogd");
  const two = [virtlockd, virtlockd];
  assertEquals(start({ ...rest, daemon: { servers: two } }), "daemon.servers.virtlockd");
});

Deno.test("decodeHandover leaves aside keys that it does not know, as the C daemon does", () => {
  const state = libvirtState();
  const known = decodeHandover(state);
  state.future = state.daemon.future = state.daemon.servers.virtlockd.future = { a: 1 };
  state.defaultLockspace.future = state.lockspaces[0].resources[0].future = [];
  assertEquals(decodeHandover(state), known);
});

Deno.test("parseHandover throws HandoverError for what is no JSON", () => {
  const texts = ["", "{", "hello", "{}{}", "\0", '{"a":1,}', "[".repeat(10_000), '"\ud800'];
  for (const text of texts) assertThrows(() => parseHandover(text), HandoverError, "not JSON");
});

Deno.test("handoverMagic gives the pid as it was written, and nothing but text", () => {
  assertEquals(handoverMagic(libvirtState()), "4140");
  for (const wrong of [null, [], "4140", 4140, {}, { magic: 4140 }, { magic: null }]) {
    assertThrows(() => handoverMagic(wrong), HandoverError);
  }
});
