/** Other processes on the same files, aliases of one file, leases. */
import * as frames from "../client_frames.ts";
import { AUTOCREATE, LS, SHARED, Topic } from "./script.ts";

const foreign = new Topic("foreign locks");
export const foreignSequences = foreign.sequences;

foreign.sequence("a write lock of another process makes an exclusive request busy", (s) => {
  const a = s.withLockspace().create(LS, "x");
  const other = s.process("other").lock(`${LS}/x`, "w");
  a.acquire(LS, "x").acquire(LS, "x", AUTOCREATE);
  other.drop(`${LS}/x`);
  a.acquire(LS, "x");
});
foreign.sequence("a write lock of another process makes a shared request busy", (s) => {
  const a = s.withLockspace().create(LS, "x");
  s.process("other").lock(`${LS}/x`, "w");
  a.acquire(LS, "x", SHARED).acquire(LS, "x", SHARED | AUTOCREATE);
});
foreign.sequence("a read lock of another process makes an exclusive request busy", (s) => {
  const a = s.withLockspace().create(LS, "x");
  s.process("other").lock(`${LS}/x`, "r");
  a.acquire(LS, "x").acquire(LS, "x", AUTOCREATE);
});
foreign.sequence("a read lock of another process allows a shared request", (s) => {
  const a = s.withLockspace().create(LS, "x");
  s.process("other").lock(`${LS}/x`, "r");
  a.acquire(LS, "x", SHARED).release(LS, "x");
});
foreign.sequence("a read lock of another process keeps the file of a shared AUTOCREATE", (s) => {
  const a = s.withLockspace().create(LS, "x");
  const other = s.process("other").lock(`${LS}/x`, "r");
  a.acquire(LS, "x", SHARED | AUTOCREATE).release(LS, "x");
  other.drop(`${LS}/x`);
  a.acquire(LS, "x", SHARED | AUTOCREATE).release(LS, "x");
});
foreign.sequence("a lock of another process on other bytes does not matter", (s) => {
  const a = s.withLockspace().create(LS, "x");
  s.process("other").lock(`${LS}/x`, "w", 1, 0);
  a.acquire(LS, "x").release(LS, "x");
});
foreign.sequence("a lock of another process on the whole file makes the resource busy", (s) => {
  s.file("/srv/disk.img");
  s.process("other").lock("/srv/disk.img", "w", 0, 0);
  s.owner("a").acquire("", "/srv/disk.img").acquire("", "/srv/disk.img", SHARED);
});
foreign.sequence("a resource keeps another process out as long as it is locked", (s) => {
  const a = s.withLockspace().acquire(LS, "x", AUTOCREATE);
  const other = s.process("other").lock(`${LS}/x`, "r").lock(`${LS}/x`, "w");
  a.release(LS, "x").create(LS, "x");
  other.lock(`${LS}/x`, "w");
});
foreign.sequence("a shared resource lets another process read-lock", (s) => {
  s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE);
  s.process("other").lock(`${LS}/x`, "w").lock(`${LS}/x`, "r");
});
foreign.sequence("a second sharer is granted without the kernel, whatever others locked", (s) => {
  s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE);
  s.process("other").lock(`${LS}/x`, "r");
  s.owner("b").acquire(LS, "x", SHARED);
});
foreign.sequence("a lock of a process that died is gone", (s) => {
  const a = s.withLockspace().create(LS, "x");
  s.process("other").lock(`${LS}/x`, "w").kill();
  a.acquire(LS, "x");
});

const alias = new Topic("aliases");
export const aliasSequences = alias.sequences;
const modes = [
  ["an exclusive", 0, "an exclusive", 0],
  ["an exclusive", 0, "a shared", SHARED],
  ["a shared", SHARED, "an exclusive", 0],
  ["a shared", SHARED, "a shared", SHARED],
] as const;

/** Ways to name the file LS/x a second time; each path works in the default lockspace. */
const aliases = [
  ["the default lockspace", undefined],
  ["a hard link", "hardLink"],
  ["a symbolic link", "symlink"],
] as const;

for (const [what, link] of aliases) {
  for (const [first, firstFlags, second, secondFlags] of modes) {
    alias.sequence(`${first} lock and ${second} request through ${what}`, (s) => {
      const a = s.withLockspace().create(LS, "x");
      if (link) s[link](`${LS}/x`, "/srv/alias");
      a.acquire(LS, "x", firstFlags);
      const path = link ? "/srv/alias" : `${LS}/x`;
      const b = s.owner("b").acquire("", path, secondFlags);
      s.observe("after both requests");
      b.release("", path);
      s.observe("after the release of the second");
      a.release(LS, "x");
    });
  }
  alias.sequence(`CREATE_RESOURCE of a locked file through ${what} keeps the lock`, (s) => {
    const a = s.withLockspace().create(LS, "x");
    if (link) s[link](`${LS}/x`, "/srv/alias");
    a.acquire(LS, "x").create("", link ? "/srv/alias" : `${LS}/x`);
    s.observe("after CREATE_RESOURCE");
    s.process("other").lock(`${LS}/x`, "w");
  });
}
alias.sequence("DELETE_RESOURCE of a locked file through the default lockspace", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE).delete("", `${LS}/x`);
  s.observe("after DELETE_RESOURCE");
});
alias.sequence("DELETE_RESOURCE of a hard link to a locked file", (s) => {
  const a = s.withLockspace().acquire(LS, "x", AUTOCREATE);
  s.hardLink(`${LS}/x`, "/srv/alias");
  a.delete("", "/srv/alias");
});
alias.sequence("a lock is released first when the alias came second", (s) => {
  const a = s.withLockspace().create(LS, "x").acquire(LS, "x", SHARED);
  const b = s.owner("b").acquire("", `${LS}/x`, SHARED);
  a.release(LS, "x");
  s.observe("after the release of the first");
  s.process("other").lock(`${LS}/x`, "w");
  b.release("", `${LS}/x`);
});
alias.sequence("two names of one lockspace directory reach the same file", (s) => {
  const a = s.withLockspace().newLockspace(`${LS}/`).create(LS, "x");
  a.acquire(LS, "x");
  s.owner("b").acquire(`${LS}/`, "x");
  s.observe("after both requests");
});
alias.sequence("a name with a dot reaches the same file", (s) => {
  const a = s.withLockspace().create(LS, "x").acquire(LS, "x");
  a.acquire(LS, "./x");
  s.observe("after both requests");
});
alias.sequence("AUTOCREATE through an alias of a shared lock, released second first", (s) => {
  const a = s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE);
  const b = s.owner("b").acquire("", `${LS}/x`, SHARED | AUTOCREATE);
  s.observe("after both requests");
  b.release("", `${LS}/x`);
  s.observe("after the release of the second");
  a.release(LS, "x");
});
alias.sequence("a file put in place of a removed locked one is another resource", (s) => {
  const a = s.withLockspace().create(LS, "x").acquire(LS, "x");
  s.remove(`${LS}/x`);
  s.file(`${LS}/x`);
  a.acquire("", `${LS}/x`);
  s.observe("after both requests");
  a.release("", `${LS}/x`).release(LS, "x");
});

const lease = new Topic("leases");
export const leaseSequences = lease.sequences;

lease.sequence("open() of a leased file makes no other client wait", (s) => {
  s.file("/srv/leased");
  const other = s.process("other").lease("/srv/leased", "w");
  const a = s.owner("a");
  const b = s.owner("b");
  a.send(a.encode("ACQUIRE_RESOURCE", args("/srv/leased")));
  s.pause(100);
  b.send(b.encode("CREATE_LOCKSPACE", frames.pathArguments(LS))).receive(1, 1500);
  other.drop("/srv/leased");
  a.receive(1);
});
lease.sequence("open() of a leased file is granted once the lease is given back", (s) => {
  s.file("/srv/leased");
  const other = s.process("other").lease("/srv/leased", "w");
  const a = s.owner("a");
  a.send(a.encode("ACQUIRE_RESOURCE", args("/srv/leased")));
  s.pause(100);
  other.drop("/srv/leased");
  a.receive(1).release("", "/srv/leased");
});

function args(name: string): Uint8Array {
  return frames.resourceArguments("", name, 0);
}
