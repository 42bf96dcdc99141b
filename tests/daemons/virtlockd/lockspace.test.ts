import { assert, assertEquals } from "@std/assert";
import { AUTOCREATE, SHARED } from "../../../daemons/virtlockd/lock_protocol.ts";
import {
  isAutocreated,
  isShared,
  LockTable,
  type Resource,
  resourcePath,
  tableViolations,
} from "../../../daemons/virtlockd/lockspace.ts";

interface Entry {
  readonly directory?: string;
  readonly name: string;
  readonly fd: number;
  readonly ino?: number;
  readonly dev?: number;
  readonly flags?: number;
  readonly owners?: number[];
}

/** Enters a lock; the file's number is the descriptor's unless told otherwise. */
function enter(table: LockTable, entry: Entry): Resource {
  const { directory = "", name, fd, ino = fd, dev = 1, flags = SHARED, owners = [1] } = entry;
  const lockspace = table.find(directory) ?? table.add(directory);
  return table.insert(lockspace, name, { fd, dev, ino, flags, sinceMs: 5 }, owners);
}

Deno.test("LockTable finds lockspaces by the very text of their directory", () => {
  const table = new LockTable();
  const lockspace = table.add("/ls");
  assertEquals(table.find("/ls"), lockspace);
  assertEquals(table.find("/ls/"), undefined);
  assertEquals(table.find(""), table.default);
});

Deno.test("LockTable gives the default lockspace last, as the original searches them", () => {
  const table = new LockTable();
  enter(table, { name: "/img", fd: 3 });
  enter(table, { directory: "/b", name: "x", fd: 4 });
  enter(table, { directory: "/a", name: "x", fd: 5 });
  assertEquals([...table.lockspaces()].map(({ directory }) => directory), ["/b", "/a", ""]);
  assertEquals([...table.resources()].map(({ fd }) => fd), [4, 5, 3]);
});

Deno.test("resourcePath joins directory and name, and takes the name alone in the default lockspace", () => {
  const table = new LockTable();
  const paths = ["", "/ls", "/ls/"].map((directory, i) =>
    resourcePath(enter(table, { directory, name: "x", fd: i }))
  );
  assertEquals(paths, ["x", "/ls/x", "/ls//x"]);
});

Deno.test("isShared and isAutocreated tell by the flags of the first grant", () => {
  const table = new LockTable();
  const both = [0, SHARED, AUTOCREATE, SHARED | AUTOCREATE].map((flags, fd) => {
    const resource = enter(table, { name: String(fd), fd, flags });
    return [isShared(resource), isAutocreated(resource)];
  });
  assertEquals(both, [[false, false], [true, false], [false, true], [true, true]]);
});

Deno.test("LockTable.releaseOne takes one of a process's grants, and the lock with the last of all", () => {
  const table = new LockTable();
  const resource = enter(table, { name: "x", fd: 3, owners: [1, 2, 1] });
  assertEquals(table.releaseOne(resource, 1), undefined);
  assertEquals(resource.owners, [2, 1]);
  assertEquals(table.releaseOne(resource, 2), undefined);
  assertEquals(table.releaseOne(resource, 1), { resource, close: [3] });
  assertEquals(table.size, 0);
  assertEquals(table.held(1, 3), undefined);
});

Deno.test("LockTable.releaseAll takes every grant of a process and leaves those of others", () => {
  const table = new LockTable();
  enter(table, { name: "mine", fd: 3, owners: [1, 1] });
  const shared = enter(table, { directory: "/ls", name: "ours", fd: 4, owners: [1, 2, 1] });
  enter(table, { directory: "/ls", name: "mine", fd: 5 });
  enter(table, { name: "yours", fd: 6, owners: [2] });
  const removals = table.releaseAll(1);
  assertEquals(removals.map(({ resource }) => resourcePath(resource)), ["/ls/mine", "mine"]);
  assertEquals(shared.owners, [2]);
  assertEquals([table.isHolder(1), table.isHolder(2)], [false, true]);
  assertEquals(table.releaseAll(1), []);
});

Deno.test("LockTable.releaseAll takes two hundred thousand grants of one lock without keeping anybody waiting", () => {
  const table = new LockTable();
  const owners = Array.from({ length: 200_000 }, () => 1);
  const resource = enter(table, { name: "x", fd: 3, owners: [2, ...owners, 2] });
  const startMs = performance.now();
  assertEquals(table.releaseAll(1), []);
  const tookMs = performance.now() - startMs;
  assertEquals(resource.owners, [2, 2]);
  // Milliseconds; removed one by one, they took 16 s.
  assert(tookMs < 4_000, `${tookMs} ms`);
});

Deno.test("LockTable closes no descriptor of a file that is held by another name", () => {
  const table = new LockTable();
  const first = enter(table, { name: "a", fd: 3, ino: 9 });
  const second = enter(table, { name: "b", fd: 4, ino: 9 });
  table.held(1, 9)?.parked.push(5);
  assertEquals(table.releaseOne(first, 1)?.close, []);
  assertEquals(table.held(1, 9)?.parked, [5, 3]);
  assertEquals(table.releaseOne(second, 1)?.close, [4, 5, 3]);
  assertEquals([...table.inodes()], []);
});

Deno.test("LockTable tells files of two devices apart", () => {
  const table = new LockTable();
  const one = enter(table, { name: "a", fd: 3, ino: 9, dev: 1 });
  enter(table, { name: "b", fd: 4, ino: 9, dev: 2 });
  assertEquals(table.held(1, 9)?.resources, [one]);
  assertEquals(table.releaseOne(one, 1)?.close, [3]);
  assertEquals(table.held(1, 9), undefined);
  assertEquals(table.held(2, 9)?.resources.length, 1);
});

Deno.test("LockTable.clear removes everything and closes every descriptor once", () => {
  const table = new LockTable();
  enter(table, { name: "a", fd: 3, ino: 9 });
  enter(table, { directory: "/ls", name: "b", fd: 4, ino: 9, owners: [1, 2] });
  enter(table, { directory: "/ls", name: "c", fd: 5 });
  table.held(1, 9)?.parked.push(6);
  const closed = table.clear().flatMap(({ close }) => close);
  assertEquals(closed.sort(), [3, 4, 5, 6]);
  assertEquals([table.size, [...table.resources()].length], [0, 0]);
  assertEquals(table.named.size, 1);
});

/** What spoils a table that holds the shared locks `a` and `b` on one file, and what is said of it then. */
const spoilt: Record<string, { spoil(table: LockTable, a: Resource): void; said: string[] }> = {
  "a lock without an owner": {
    spoil: (_, a) => a.owners.pop(),
    said: ['"a" has no owner'],
  },
  "an exclusive lock of two owners": {
    spoil: (table) => void enter(table, { name: "c", fd: 8, flags: 0, owners: [1, 2] }),
    said: ['"c" is exclusive and has 2 owners'],
  },
  "an exclusive lock on a file of others": {
    spoil: (table) => void enter(table, { name: "c", fd: 8, ino: 3, flags: 0 }),
    said: ['"c" is exclusive and shares its inode'],
  },
  "a lock that its file does not know": {
    spoil: (_, a) => a.inode.resources.shift(),
    said: ['"a" is not on its inode'],
  },
  "a descriptor that is used twice": {
    spoil: (_, a) => a.inode.parked.push(3),
    said: ["a descriptor is used twice"],
  },
  "a lock that was not counted": {
    spoil: (table) => table.default.resources.delete("a"),
    said: ["size 2 is wrong"],
  },
};

for (const [what, { spoil, said }] of Object.entries(spoilt)) {
  Deno.test(`tableViolations finds ${what}`, () => {
    const table = new LockTable();
    const a = enter(table, { name: "a", fd: 3 });
    enter(table, { name: "b", fd: 4, ino: 3 });
    assertEquals(tableViolations(table), []);
    spoil(table, a);
    assertEquals(tableViolations(table), said);
  });
}
