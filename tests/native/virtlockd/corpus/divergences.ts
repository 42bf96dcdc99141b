/**
 * Where our daemon is meant to differ from the C one: the sequence, the heading of
 * daemons/virtlockd/DESIGN.md that argues why, and what ours does instead, exactly. The parts of
 * the outcome that are not named here are as with the C daemon.
 */
import { describeError, type RpcError } from "../client_describe.ts";
import type { LockProcedure } from "../client_frames.ts";
import type { Outcome } from "./outcome.ts";
import { LS } from "./script.ts";

export interface Divergence {
  readonly heading: string;
  readonly ours: Partial<Outcome>;
}

/** By the name of the sequence. */
export const divergences = new Map<string, Divergence>();

function under(
  heading: string,
  table: ReadonlyArray<readonly [name: string, ours: Partial<Outcome>]>,
): void {
  for (const [name, ours] of table) divergences.set(name, { heading, ours });
}

function ok(client: string, procedure: LockProcedure, serial: number): string {
  return `${client} ${procedure}: ${procedure} #${serial} ok`;
}

function fails(client: string, procedure: LockProcedure, serial: number, error: RpcError): string {
  return `${client} ${procedure}: ${procedure} #${serial} ${describeError(error)}`;
}

const PID_FILE = "the pid file: POSIX WRITE 0-0 by the daemon";

// --- NEW -------------------------------------------------------------------------------------

const notDirectory = (path: string): RpcError => ({
  code: 1,
  domain: 51,
  detail: `Lockspace location ${path} exists, but is not a directory`,
});

const cannotCreate = (path: string, errno: number, reason: string): RpcError => ({
  code: 38,
  domain: 51,
  errno,
  detail: `Unable to create lockspace ${path}: ${reason}`,
});

const newFails = (error: RpcError): Partial<Outcome> => ({
  trace: [ok("a", "REGISTER", 1), fails("a", "NEW", 2, error), "a PING: PONG"],
});

const tooLong = (path: string): Partial<Outcome> =>
  newFails(cannotCreate(path, 36, "File name too long"));

under("A lockspace that cannot be made is an error", [
  ["NEW reports a path that is a file", {
    trace: [
      ok("a", "REGISTER", 1),
      fails("a", "NEW", 2, notDirectory(LS)),
      fails("a", "ACQUIRE_RESOURCE", 3, {
        code: 1,
        domain: 7,
        detail: `Lockspace for path ${LS} does not exist`,
      }),
      "a PING: PONG",
    ],
  }],
  ["NEW reports a path that is a symbolic link to a file", newFails(notDirectory(LS))],
  [
    "NEW reports a parent that is a file",
    newFails(cannotCreate("/srv/file/ls", 20, "Not a directory")),
  ],
  ["NEW reports a dangling symbolic link", newFails(cannotCreate(LS, 20, "Not a directory"))],
  ["NEW reports a symbolic link to itself", newFails(cannotCreate(LS, 20, "Not a directory"))],
  ["NEW reports a component of 256 bytes", tooLong(`/srv/${"d".repeat(256)}`)],
  ["NEW reports a path of 5000 bytes", tooLong(`/srv${`/${"d".repeat(250)}`.repeat(20)}`)],
  ["NEW reports a path of 65536 bytes", tooLong(`/srv/${"d".repeat(65531)}`)],
  [
    "NEW leaves the parents it could make when a later one fails",
    tooLong(`/srv/p/q/${"d".repeat(256)}/r`),
  ],
  [
    "NEW reports a read-only file system",
    newFails(cannotCreate("/srv/ro/ls", 30, "Read-only file system")),
  ],
  [
    "NEW reports a full file system",
    newFails(cannotCreate("/srv/full/ls", 28, "No space left on device")),
  ],
  ["NEW that failed can be repeated once the path is free", {
    trace: [
      ok("a", "REGISTER", 1),
      fails("a", "NEW", 2, notDirectory(LS)),
      ok("a", "NEW", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
    ],
    files: ["directory 700 ls", "file 600 ls/x"],
    locks: ["ls/x: POSIX WRITE 0-0 by the daemon", PID_FILE],
  }],
  ["NEW that failed poisons no later disconnect of a holder", {
    trace: [
      ok("g", "REGISTER", 1),
      fails("g", "NEW", 2, notDirectory(LS)),
      ok("g", "ACQUIRE_RESOURCE", 3),
      "guest: SIGTERM at once",
      "/srv/x: free",
    ],
    processes: ["guest SIGTERM"],
    files: ["file 644 ls 15 bytes"],
    locks: [PID_FILE],
    daemon: "serving",
  }],
  ["NEW that failed poisons no later re-exec", {
    trace: [
      ok("a", "REGISTER", 1),
      fails("a", "NEW", 2, notDirectory(LS)),
      ok("a", "NEW", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
      "re-exec done",
    ],
    connections: ["a open"],
    locks: ["good/x: POSIX WRITE 0-0 by the daemon", PID_FILE],
    daemon: "serving",
  }],
]);

// --- aliases ---------------------------------------------------------------------------------

const busy = (name: string): RpcError => ({
  code: 87,
  domain: 51,
  detail: `Lockspace resource '${name}' is locked`,
});

const notLocked = (name: string): RpcError => ({
  code: 87,
  domain: 51,
  detail: `Lockspace resource '${name}' is not locked`,
});

interface Alias {
  readonly what: string;
  /** The name in the default lockspace. */
  readonly name: string;
  readonly files: readonly string[];
  /** How the locked inode is named in a listing of locks. */
  readonly inode: string;
}

const aliases: readonly Alias[] = [
  {
    what: "the default lockspace",
    name: `${LS}/x`,
    files: ["directory 700 ls", "file 600 ls/x"],
    inode: "ls/x",
  },
  {
    what: "a hard link",
    name: "/srv/alias",
    files: ["file 600 alias 2 links", "directory 700 ls", "file 600 ls/x 2 links"],
    inode: "alias = ls/x",
  },
  {
    what: "a symbolic link",
    name: "/srv/alias",
    files: ["symlink 777 alias", "directory 700 ls", "file 600 ls/x"],
    inode: "ls/x",
  },
];

const locked = (inode: string, access: "READ" | "WRITE"): string =>
  `${inode}: POSIX ${access} 0-0 by the daemon`;

/** What a step of observation notes while the lock is there. */
function seen(label: string, { files, inode }: Alias, access: "READ" | "WRITE"): string[] {
  return [...files, locked(inode, access), PID_FILE].map((line) => `${label}: ${line}`);
}

function twoRequests(
  alias: Alias,
  access: "READ" | "WRITE",
  [acquired, released]: readonly [string, string],
): Partial<Outcome> {
  return {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "CREATE_RESOURCE", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
      ok("b", "REGISTER", 1),
      acquired,
      ...seen("after both requests", alias, access),
      released,
      ...seen("after the release of the second", alias, access),
      ok("a", "RELEASE_RESOURCE", 5),
    ],
  };
}

/** Any mix but two shared requests is refused, and the first lock stays. */
function refusedAlias(alias: Alias, access: "READ" | "WRITE"): Partial<Outcome> {
  return twoRequests(alias, access, [
    fails("b", "ACQUIRE_RESOURCE", 2, busy(alias.name)),
    fails("b", "RELEASE_RESOURCE", 3, notLocked(alias.name)),
  ]);
}

function grantedAlias(alias: Alias): Partial<Outcome> {
  return twoRequests(alias, "READ", [
    ok("b", "ACQUIRE_RESOURCE", 2),
    ok("b", "RELEASE_RESOURCE", 3),
  ]);
}

function createdAlias(alias: Alias): Partial<Outcome> {
  return {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "CREATE_RESOURCE", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
      ok("a", "CREATE_RESOURCE", 5),
      ...seen("after CREATE_RESOURCE", alias, "WRITE"),
      "other lock /srv/ls/x w 0 1: error EAGAIN",
    ],
    locks: [locked(alias.inode, "WRITE"), PID_FILE],
  };
}

const ONE_INODE = "One inode has one lock";

for (const alias of aliases) {
  under(ONE_INODE, [
    [
      `an exclusive lock and an exclusive request through ${alias.what}`,
      refusedAlias(alias, "WRITE"),
    ],
    [`an exclusive lock and a shared request through ${alias.what}`, refusedAlias(alias, "WRITE")],
    [`a shared lock and an exclusive request through ${alias.what}`, refusedAlias(alias, "READ")],
    [`a shared lock and a shared request through ${alias.what}`, grantedAlias(alias)],
    [`CREATE_RESOURCE of a locked file through ${alias.what} keeps the lock`, createdAlias(alias)],
  ]);
}

const [plain] = aliases;

under(ONE_INODE, [
  ["a lock is released first when the alias came second", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "CREATE_RESOURCE", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
      ok("b", "REGISTER", 1),
      ok("b", "ACQUIRE_RESOURCE", 2),
      ok("a", "RELEASE_RESOURCE", 5),
      ...seen("after the release of the first", plain, "READ"),
      "other lock /srv/ls/x w 0 1: error EAGAIN",
      ok("b", "RELEASE_RESOURCE", 3),
    ],
    locks: [PID_FILE],
  }],
  ["two names of one lockspace directory reach the same file", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "NEW", 3),
      ok("a", "CREATE_RESOURCE", 4),
      ok("a", "ACQUIRE_RESOURCE", 5),
      ok("b", "REGISTER", 1),
      fails("b", "ACQUIRE_RESOURCE", 2, busy("x")),
      ...seen("after both requests", plain, "WRITE"),
    ],
  }],
  ["a name with a dot reaches the same file", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "CREATE_RESOURCE", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
      fails("a", "ACQUIRE_RESOURCE", 5, busy("./x")),
      ...seen("after both requests", plain, "WRITE"),
    ],
  }],
  ["AUTOCREATE through an alias of a shared lock, released second first", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "ACQUIRE_RESOURCE", 3),
      ok("b", "REGISTER", 1),
      ok("b", "ACQUIRE_RESOURCE", 2),
      ...seen("after both requests", plain, "READ"),
      ok("b", "RELEASE_RESOURCE", 3),
      ...seen("after the release of the second", plain, "READ"),
      ok("a", "RELEASE_RESOURCE", 4),
    ],
  }],
]);

// --- holders ---------------------------------------------------------------------------------

const guestOf = (access: LockProcedure[]): string[] => [
  "guest ignore-term: ok 0",
  ...access.map((procedure, index) => ok("g", procedure, index + 1)),
];
const stubbornGuest = guestOf(["REGISTER", "NEW", "CREATE_RESOURCE", "ACQUIRE_RESOURCE"]);

under("Locks go when their holder is dead", [
  ["a lock is not free for another process before its holder is dead", {
    trace: [
      ...stubbornGuest,
      "other lock /srv/ls/x w 0 1: error EAGAIN",
      "guest: SIGKILL after 1.6 s",
      "/srv/ls/x: free",
    ],
    locks: [PID_FILE],
  }],
  ["another client is served while a holder is being killed", {
    trace: [
      ...stubbornGuest,
      ok("b", "REGISTER", 1),
      "b: CREATE_LOCKSPACE #2 ok",
      "guest: SIGKILL after 1.6 s",
      "/srv/ls/x: free",
    ],
  }],
  ["a request for the lock of a holder being killed", {
    trace: [
      ...stubbornGuest,
      ok("b", "REGISTER", 1),
      fails("b", "ACQUIRE_RESOURCE", 2, busy("x")),
      "guest: SIGKILL after 1.6 s",
      ok("b", "ACQUIRE_RESOURCE", 3),
    ],
  }],
  ["a holder with two shared entries leaves none behind when it dies", {
    trace: [
      ok("g", "REGISTER", 1),
      ok("g", "NEW", 2),
      ok("g", "ACQUIRE_RESOURCE", 3),
      ok("g", "ACQUIRE_RESOURCE", 4),
      ok("b", "REGISTER", 1),
      ok("b", "ACQUIRE_RESOURCE", 2),
    ],
    locks: [locked("ls/x", "WRITE"), PID_FILE],
  }],
]);

under("A blocking open() holds up its own client only", [
  ["open() of a leased file makes no other client wait", {
    trace: [
      "other lease /srv/leased w: ok 0",
      ok("a", "REGISTER", 1),
      ok("b", "REGISTER", 1),
      "b: CREATE_LOCKSPACE #2 ok",
      "other drop /srv/leased: ok 0",
      "a: ACQUIRE_RESOURCE #2 ok",
    ],
  }],
]);

// --- re-exec ---------------------------------------------------------------------------------

under("A re-exec loses nothing", [
  ["re-exec with a client that has not registered", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "ACQUIRE_RESOURCE", 3),
      ok("c", "CREATE_LOCKSPACE", 1),
      "re-exec done",
      ok("c", "CREATE_LOCKSPACE", 2),
      fails("c", "NEW", 3, {
        code: 55,
        domain: 7,
        detail: "lock owner details have not been registered",
      }),
    ],
    connections: ["a open", "c open"],
    files: ["directory 700 ls", "file 600 ls/x", "directory 700 other"],
    locks: [locked("ls/x", "WRITE"), PID_FILE],
    daemon: "serving",
  }],
  ["re-exec with a client whose process is gone", {
    trace: [
      ok("g", "REGISTER", 1),
      ok("g", "NEW", 2),
      ok("g", "ACQUIRE_RESOURCE", 3),
      ok("a", "REGISTER", 1),
      ok("a", "ACQUIRE_RESOURCE", 2),
      "re-exec done",
      ok("b", "REGISTER", 1),
      fails("b", "ACQUIRE_RESOURCE", 2, busy("x")),
      fails("b", "ACQUIRE_RESOURCE", 3, busy("y")),
    ],
    connections: ["g closed", "a open", "b open"],
    files: ["directory 700 ls", "file 600 ls/x", "file 600 ls/y"],
    locks: [locked("ls/x", "WRITE"), locked("ls/y", "WRITE"), PID_FILE],
    daemon: "serving",
  }],
  ["re-exec with a locked name that is not UTF-8", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "ACQUIRE_RESOURCE", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
      "re-exec done",
      ok("a", "RELEASE_RESOURCE", 5),
      ok("a", "RELEASE_RESOURCE", 6),
    ],
    connections: ["a open"],
    locks: [PID_FILE],
    daemon: "serving",
  }],
  ["re-exec with a half-read call", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "ACQUIRE_RESOURCE", 3),
      "a first piece: silence",
      "re-exec done",
      "a the rest: RELEASE_RESOURCE #4 ok",
    ],
    files: ["directory 700 ls"],
    locks: [PID_FILE],
  }],
]);

// --- descriptors -----------------------------------------------------------------------------

const refusedWithFd = (procedure: string, refusal: string): Partial<Outcome> => ({
  trace: [ok("a", "REGISTER", 1), `a ${procedure}: silence`, `a passing 1 descriptors: ${refusal}`],
});
const noDecoding = describeError({
  code: 39,
  domain: 7,
  detail: "Unable to decode message payload",
});

/** The C daemon sends the descriptors back behind the error, each with a byte nobody expects. */
under("Descriptors are not sent back", [
  [
    "a call of an unknown program with a descriptor is refused once it came",
    refusedWithFd(
      "NEW",
      `program 7 version 1 procedure 3 #2 ${
        describeError({ code: 39, domain: 7, detail: "Cannot find program 7 version 1" })
      }`,
    ),
  ],
  ["a call of an unknown procedure with a descriptor is refused once it came", {
    trace: [
      ...refusedWithFd(
        "9",
        `program 245874415 version 1 procedure 9 #2 ${
          describeError({ code: 39, domain: 7, detail: "unknown procedure: 9" })
        }`,
      ).trace ?? [],
      "a PING: PONG",
    ],
  }],
  ["a call with a bad status and a descriptor is refused once it came", {
    trace: [
      ...refusedWithFd(
        "NEW",
        `NEW #2 ${describeError({ code: 39, domain: 7, detail: "Unexpected message status 1" })}`,
      ).trace ?? [],
      "a PING: PONG",
    ],
  }],
  ["a call with arguments cut short and a descriptor cannot be decoded", {
    trace: [
      ...refusedWithFd("NEW", `NEW #2 ${noDecoding}`).trace ?? [],
      `a NEW: NEW #3 ${noDecoding}`,
    ],
  }],
]);
