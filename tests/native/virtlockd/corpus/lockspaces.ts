/** NEW and CREATE_LOCKSPACE. */
import * as frames from "../client_frames.ts";
import { AUTOCREATE, LS, Script, type ScriptClient, Topic } from "./script.ts";

const topic = new Topic("NEW");
export const newSequences = topic.sequences;
const create = new Topic("CREATE_LOCKSPACE");
export const createLockspaceSequences = create.sequences;

/** Tells the same story with both procedures that make a lockspace. */
function withBoth(name: string, tell: (s: Script, make: Maker) => void): void {
  topic.sequence(`NEW ${name}`, (s) => tell(s, (client, path) => client.newLockspace(path)));
  create.sequence(
    `CREATE_LOCKSPACE ${name}`,
    (s) => tell(s, (client, path) => client.createLockspace(path)),
  );
}
type Maker = (client: ScriptClient, path: frames.Text) => ScriptClient;

withBoth("makes the directory with mode 0700", (s, make) => {
  make(s.owner("a"), LS).acquire(LS, "x", AUTOCREATE);
});
withBoth("makes missing parents too", (s, make) => {
  make(s.owner("a"), "/srv/p/q/r").acquire("/srv/p/q/r", "x", AUTOCREATE);
});
withBoth("takes an existing directory and leaves its mode", (s, make) => {
  s.directory(LS, 0o755);
  make(s.owner("a"), LS).acquire(LS, "x", AUTOCREATE);
});
withBoth("takes an existing directory that has files", (s, make) => {
  s.directory(LS);
  s.file(`${LS}/x`, "content", 0o640);
  make(s.owner("a"), LS).acquire(LS, "x").release(LS, "x");
});
withBoth("takes a relative path from the working directory", (s, make) => {
  make(s.owner("a"), "relative/ls").acquire("relative/ls", "x", AUTOCREATE);
});
withBoth("takes a path with dot-dot as it stands", (s, make) => {
  s.directory("/srv/p");
  make(s.owner("a"), "/srv/p/../ls").acquire("/srv/p/../ls", "x", AUTOCREATE)
    .acquire(LS, "y", AUTOCREATE);
});
withBoth("takes a symbolic link to a directory", (s, make) => {
  s.directory("/srv/real");
  s.symlink("/srv/real", LS);
  make(s.owner("a"), LS).acquire(LS, "x", AUTOCREATE);
});
withBoth("takes a path with a trailing slash for another lockspace", (s, make) => {
  make(make(s.owner("a"), LS), `${LS}/`).acquire(LS, "x", AUTOCREATE)
    .acquire(`${LS}/`, "y", AUTOCREATE);
});
withBoth("takes a path with doubled slashes", (s, make) => {
  make(s.owner("a"), "/srv//p///q").acquire("/srv//p///q", "x", AUTOCREATE);
});
withBoth("takes the root directory", (s, make) => {
  make(s.owner("a"), "/").acquire("/", "srv/x", AUTOCREATE);
});
withBoth("cuts the path at a NUL", (s, make) => {
  make(s.owner("a"), `${LS}\0tail`).acquire(LS, "x", AUTOCREATE)
    .acquire(`${LS}\0other tail`, "y", AUTOCREATE);
});
withBoth("takes a path that is not UTF-8", (s, make) => {
  const path = frames.concat(frames.bytesOf("/srv/"), Uint8Array.of(0xe9, 0xff));
  make(s.owner("a"), path).acquire(path, "x").acquire("/srv/\ufffd\ufffd", "x");
});
withBoth("takes a path with a newline and a quote", (s, make) => {
  make(s.owner("a"), "/srv/a\n'b").acquire("/srv/a\n'b", "x", AUTOCREATE)
    .acquire("/srv/a\n'b", "x");
});
withBoth("takes a component of 255 bytes", (s, make) => {
  const path = `/srv/${"d".repeat(255)}`;
  make(s.owner("a"), path).acquire(path, "x", AUTOCREATE);
});
withBoth("reports a path that is a file", (s, make) => {
  s.file(LS, "not a directory");
  make(s.owner("a"), LS).acquire(LS, "x", AUTOCREATE).ping();
});
withBoth("reports a path that is a symbolic link to a file", (s, make) => {
  s.file("/srv/file");
  s.symlink("/srv/file", LS);
  make(s.owner("a"), LS).ping();
});
withBoth("reports a parent that is a file", (s, make) => {
  s.file("/srv/file");
  make(s.owner("a"), "/srv/file/ls").ping();
});
withBoth("reports a dangling symbolic link", (s, make) => {
  s.symlink("/srv/nowhere", LS);
  make(s.owner("a"), LS).ping();
});
withBoth("reports a symbolic link to itself", (s, make) => {
  s.symlink(LS, LS);
  make(s.owner("a"), LS).ping();
});
withBoth("reports a component of 256 bytes", (s, make) => {
  make(s.owner("a"), `/srv/${"d".repeat(256)}`).ping();
});
withBoth("reports a path of 5000 bytes", (s, make) => {
  make(s.owner("a"), `/srv${`/${"d".repeat(250)}`.repeat(20)}`).ping();
});
withBoth("reports a path of 65536 bytes", (s, make) => {
  make(s.owner("a"), `/srv/${"d".repeat(65531)}`).ping();
});
withBoth("cannot decode a path of 65537 bytes", (s, make) => {
  make(s.owner("a"), `/srv/${"d".repeat(65532)}`).ping();
});
withBoth("reports a read-only file system", (s, make) => {
  s.directory("/srv/ro");
  s.mount("/srv/ro", "read-only");
  make(s.owner("a"), "/srv/ro/ls").ping();
});
withBoth("reports a full file system", (s, make) => {
  s.directory("/srv/full");
  s.mount("/srv/full", "full");
  make(s.owner("a"), "/srv/full/ls").ping();
});
withBoth("leaves the parents it could make when a later one fails", (s, make) => {
  make(s.owner("a"), `/srv/p/q/${"d".repeat(256)}/r`).ping();
});
withBoth("takes an existing directory on a read-only file system", (s, make) => {
  s.directory("/srv/ro");
  s.directory("/srv/ro/ls");
  s.mount("/srv/ro", "read-only");
  make(s.owner("a"), "/srv/ro/ls").acquire("/srv/ro/ls", "x", AUTOCREATE);
});

topic.sequence("NEW of an existing lockspace is refused", (s) => {
  s.withLockspace().newLockspace().acquire(LS, "x", AUTOCREATE);
});
topic.sequence("NEW of a lockspace made by CREATE_LOCKSPACE is refused", (s) => {
  s.owner("a").createLockspace().newLockspace();
});
topic.sequence("NEW by another client of an existing lockspace is refused", (s) => {
  s.withLockspace();
  s.owner("b").newLockspace();
});
topic.sequence("NEW of the empty path is refused because the default lockspace exists", (s) => {
  s.owner("a").newLockspace("");
});
topic.sequence("NEW of a path that is empty before a NUL is refused like the empty path", (s) => {
  s.owner("a").newLockspace("\0/srv/ls");
});
topic.sequence("NEW before REGISTER is refused and makes no directory", (s) => {
  s.connect("a").newLockspace().newLockspace("");
});
topic.sequence("NEW with any flag is refused and makes no directory", (s) => {
  s.owner("a").newLockspace(LS, 1).newLockspace(LS, 2).newLockspace(LS, 0xffffffff);
});
topic.sequence("NEW before REGISTER with a bad flag is refused for the flag", (s) => {
  s.connect("a").newLockspace(LS, 1);
});
topic.sequence("NEW of a removed directory is refused while the lockspace is known", (s) => {
  const a = s.withLockspace();
  s.remove(LS);
  a.newLockspace().acquire(LS, "x", AUTOCREATE).createLockspace().acquire(LS, "x", AUTOCREATE);
});
topic.sequence("NEW and then many lockspaces are kept apart", (s) => {
  const a = s.owner("a");
  for (let i = 0; i < 40; i++) a.newLockspace(`/srv/ls${i}`);
  for (let i = 0; i < 40; i += 7) a.acquire(`/srv/ls${i}`, "same name", AUTOCREATE);
});
topic.sequence("NEW's lockspace outlives the client that made it", (s) => {
  s.withLockspace().close();
  s.owner("b").acquire(LS, "x", AUTOCREATE);
});
topic.sequence("NEW that failed poisons no later disconnect of a holder", (s) => {
  s.file(LS, "not a directory");
  const guest = s.process("guest");
  guest.guest("g").newLockspace(LS).acquire("", "/srv/x", AUTOCREATE).close();
  guest.ended();
  s.freed("/srv/x");
  s.settle();
});
topic.sequence("NEW that failed poisons no later re-exec", (s) => {
  s.file(LS, "not a directory");
  s.owner("a").newLockspace(LS).newLockspace("/srv/good").acquire("/srv/good", "x", AUTOCREATE);
  s.reexec();
});
topic.sequence("NEW that failed can be repeated once the path is free", (s) => {
  s.file(LS, "not a directory");
  const a = s.owner("a").newLockspace(LS);
  s.remove(LS);
  a.newLockspace(LS).acquire(LS, "x", AUTOCREATE);
});

create.sequence("CREATE_LOCKSPACE needs no registration", (s) => {
  s.connect("a").createLockspace();
  s.owner("b").acquire(LS, "x", AUTOCREATE);
});
create.sequence("CREATE_LOCKSPACE of an existing lockspace succeeds", (s) => {
  s.connect("a").createLockspace().createLockspace();
});
create.sequence("CREATE_LOCKSPACE of a lockspace made by NEW succeeds", (s) => {
  s.withLockspace().createLockspace();
});
create.sequence("CREATE_LOCKSPACE of the empty path succeeds", (s) => {
  s.connect("a").createLockspace("").createLockspace("\0/srv/ls");
});
create.sequence("CREATE_LOCKSPACE of an existing lockspace keeps its locks", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE).createLockspace();
  s.owner("b").acquire(LS, "x", AUTOCREATE);
});
create.sequence("CREATE_LOCKSPACE of a known lockspace does not look at the disk again", (s) => {
  const a = s.connect("a").createLockspace();
  s.remove(LS);
  a.createLockspace();
});
create.sequence("CREATE_LOCKSPACE that failed can be repeated once the path is free", (s) => {
  s.file(LS);
  const a = s.connect("a").createLockspace();
  s.remove(LS);
  a.createLockspace();
  s.owner("b").acquire(LS, "x", AUTOCREATE);
});
create.sequence("CREATE_LOCKSPACE ignores a word where others have flags", (s) => {
  s.connect("a").call("CREATE_LOCKSPACE", frames.pathArguments(LS, 0xffffffff));
});
