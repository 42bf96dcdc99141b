/** An inode that is locked under one name; the C daemon loses the lock when another name is used. */
import type { RpcError } from "../client_describe.ts";
import { busy, type Divergences, fails, locked, ok, PID_FILE, under } from "./divergence.ts";
import type { Outcome } from "./outcome.ts";
import { LS } from "./script.ts";

const HEADING = "One inode has one lock";

function notLocked(name: string): RpcError {
  return { code: 87, domain: 51, detail: `Lockspace resource '${name}' is not locked` };
}

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

/** Each mix of requests through one kind of alias. */
function through(alias: Alias): Divergences {
  const { what } = alias;
  return under(HEADING, [
    [`an exclusive lock and an exclusive request through ${what}`, refusedAlias(alias, "WRITE")],
    [`an exclusive lock and a shared request through ${what}`, refusedAlias(alias, "WRITE")],
    [`a shared lock and an exclusive request through ${what}`, refusedAlias(alias, "READ")],
    [`a shared lock and a shared request through ${what}`, grantedAlias(alias)],
    [`CREATE_RESOURCE of a locked file through ${what} keeps the lock`, createdAlias(alias)],
  ]);
}

const [plain] = aliases;

/** The plain calls before the one that is refused. */
const holding = [ok("a", "REGISTER", 1), ok("a", "NEW", 2), ok("a", "ACQUIRE_RESOURCE", 3)];

const deletions = under(HEADING, [
  ["DELETE_RESOURCE of a locked file through the default lockspace", {
    trace: [
      ...holding,
      fails("a", "DELETE_RESOURCE", 4, busy(`${LS}/x`)),
      ...seen("after DELETE_RESOURCE", plain, "WRITE"),
    ],
    files: [...plain.files],
    locks: [locked(plain.inode, "WRITE"), PID_FILE],
  }],
  ["DELETE_RESOURCE of a hard link to a locked file", {
    trace: [...holding, fails("a", "DELETE_RESOURCE", 4, busy("/srv/alias"))],
    files: [...aliases[1].files],
    locks: [locked(aliases[1].inode, "WRITE"), PID_FILE],
  }],
]);

const others = under(HEADING, [
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

/** What came in the place of a lease file may be locked by others, and stays. */
const replaced = under(
  HEADING,
  ["an exclusive", "a shared"].map((aLock) => [
    `RELEASE_RESOURCE of ${aLock} AUTOCREATE lock removes whatever has the name now`,
    { files: ["directory 700 ls", "file 600 ls/away", "file 644 ls/x 12 bytes"] },
  ]),
);

export const aliasDivergences: Divergences = [
  ...aliases.flatMap(through),
  ...deletions,
  ...others,
  ...replaced,
];
