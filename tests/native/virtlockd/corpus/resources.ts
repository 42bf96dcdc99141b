/** CREATE_RESOURCE and DELETE_RESOURCE. */
import * as frames from "../client_frames.ts";
import { AUTOCREATE, LS, Script, type ScriptClient, SHARED, Topic } from "./script.ts";

const create = new Topic("CREATE_RESOURCE");
export const createResourceSequences = create.sequences;
const remove = new Topic("DELETE_RESOURCE");
export const deleteResourceSequences = remove.sequences;

type Operation = (
  client: ScriptClient,
  path: frames.Text,
  name: frames.Text,
  flags?: number,
) => ScriptClient;

/** Tells the same story with CREATE_RESOURCE and DELETE_RESOURCE. */
function withBoth(name: string, tell: (s: Script, operate: Operation) => void): void {
  create.sequence(`CREATE_RESOURCE ${name}`, (s) => tell(s, (c, ...rest) => c.create(...rest)));
  remove.sequence(`DELETE_RESOURCE ${name}`, (s) => tell(s, (c, ...rest) => c.delete(...rest)));
}

withBoth("of a locked resource is busy", (s, operate) => {
  operate(s.withLockspace().acquire(LS, "x", AUTOCREATE), LS, "x");
  operate(s.owner("b"), LS, "x");
});
withBoth("of a shared resource is busy", (s, operate) => {
  operate(s.withLockspace().acquire(LS, "x", AUTOCREATE | SHARED), LS, "x");
});
withBoth("of a resource that was released succeeds", (s, operate) => {
  const a = s.withLockspace().create(LS, "x").acquire(LS, "x").release(LS, "x");
  operate(a, LS, "x");
});
withBoth("in an unknown lockspace is refused", (s, operate) => {
  operate(s.owner("a"), LS, "x");
  operate(operate(s.withLockspace("/srv/ls"), "/srv/ls/", "x"), "srv/ls", "x");
});
withBoth("before REGISTER is refused", (s, operate) => {
  s.owner("b").newLockspace();
  operate(operate(s.connect("a"), LS, "x"), "/srv/unknown", "x");
});
withBoth("with a bad flag is refused before anything else", (s, operate) => {
  operate(operate(operate(s.connect("a"), LS, "x", 1), LS, "x", 2), LS, "x", 0xfffffffe);
});
withBoth("of the file in the default lockspace takes the name as path", (s, operate) => {
  s.file("/srv/there");
  operate(operate(s.owner("a"), "", "/srv/there"), "", "/srv/x");
});
withBoth("of a directory is refused", (s, operate) => {
  const a = s.withLockspace();
  s.directory(`${LS}/d`);
  operate(a, LS, "d");
});
withBoth("of an empty name means the lockspace directory", (s, operate) => {
  operate(s.withLockspace(), LS, "");
});
withBoth("of an empty name in the default lockspace means no file", (s, operate) => {
  operate(s.owner("a"), "", "");
});
withBoth("of a name with dot-dot leaves the lockspace directory", (s, operate) => {
  s.file("/srv/there");
  operate(operate(s.withLockspace(), LS, "../there"), LS, "../x");
});
withBoth("of a name with a slash means a file in a subdirectory", (s, operate) => {
  const a = s.withLockspace();
  s.directory(`${LS}/d`);
  s.file(`${LS}/d/there`);
  operate(operate(a, LS, "d/there"), LS, "d/x");
});
withBoth("cuts the name at a NUL", (s, operate) => {
  const a = s.withLockspace();
  s.file(`${LS}/there`);
  operate(operate(a, LS, "there\0tail"), LS, "x\0y");
});
withBoth("of a name that is not UTF-8 works on those bytes", (s, operate) => {
  const name = Uint8Array.of(0x78, 0xe9, 0xff);
  operate(operate(s.withLockspace(), LS, name), "", name).acquire(LS, name);
});
withBoth("in a missing directory is answered as open and unlink say", (s, operate) => {
  operate(operate(s.withLockspace(), LS, "missing/x"), "", "/srv/missing/x");
});
withBoth("below a file is refused", (s, operate) => {
  s.file("/srv/file");
  operate(operate(s.withLockspace(), "", "/srv/file/x"), LS, "../file/x");
});
withBoth("of a name of 256 bytes is refused", (s, operate) => {
  operate(s.withLockspace(), LS, "n".repeat(256)).ping();
});
withBoth("of a name of 65536 bytes is refused", (s, operate) => {
  operate(operate(s.withLockspace(), LS, "n".repeat(65536)), "", "n".repeat(65536)).ping();
});
withBoth("of a name or path of 65537 bytes cannot be decoded", (s, operate) => {
  const long = "n".repeat(65537);
  operate(operate(operate(s.withLockspace(), LS, long), long, "x"), long, long).ping();
});
withBoth("on a read-only file system is refused", (s, operate) => {
  s.directory("/srv/ro");
  s.file("/srv/ro/there");
  s.mount("/srv/ro", "read-only");
  operate(operate(s.withLockspace(), "", "/srv/ro/x"), "", "/srv/ro/there");
});
withBoth("through a symbolic link", (s, operate) => {
  s.file("/srv/target", "kept");
  const a = s.withLockspace();
  s.symlink("/srv/target", `${LS}/link`);
  operate(a, LS, "link");
});
withBoth("through a dangling symbolic link", (s, operate) => {
  const a = s.withLockspace();
  s.symlink("/srv/target", `${LS}/link`);
  operate(a, LS, "link");
});
withBoth("of a file that another process has locked succeeds", (s, operate) => {
  const a = s.withLockspace().create(LS, "x");
  const other = s.process("other").lock(`${LS}/x`, "w");
  operate(a, LS, "x");
  other.drop(`${LS}/x`);
});

create.sequence("CREATE_RESOURCE makes an empty file of mode 0600", (s) => {
  s.withLockspace().create(LS, "x");
});
create.sequence("CREATE_RESOURCE of an existing file succeeds and leaves it as it is", (s) => {
  const a = s.withLockspace();
  s.file(`${LS}/x`, "content", 0o644);
  a.create(LS, "x").create(LS, "x");
});
create.sequence("CREATE_RESOURCE locks nothing", (s) => {
  s.withLockspace().create(LS, "x");
  s.owner("b").acquire(LS, "x").release(LS, "x");
});
create.sequence("CREATE_RESOURCE on a full file system is refused", (s) => {
  s.directory("/srv/full");
  s.mount("/srv/full", "full");
  s.owner("a").newLockspace("/srv/full").create("/srv/full", "x").create("", "/srv/full/y");
});
create.sequence("CREATE_RESOURCE of a running program is refused", (s) => {
  s.owner("a").create("", "/proc/self/exe");
});
create.sequence("CREATE_RESOURCE of a relative name in the default lockspace", (s) => {
  s.owner("a").create("", "x").create("", "./y");
});

remove.sequence("DELETE_RESOURCE removes the file", (s) => {
  const a = s.withLockspace();
  s.file(`${LS}/x`, "content");
  a.delete(LS, "x");
});
remove.sequence("DELETE_RESOURCE of a missing file succeeds", (s) => {
  s.withLockspace().delete(LS, "x").delete(LS, "x").delete("", "/srv/x");
});
remove.sequence("DELETE_RESOURCE leaves the name free for a new resource", (s) => {
  s.withLockspace().create(LS, "x").delete(LS, "x").acquire(LS, "x").acquire(LS, "x", AUTOCREATE)
    .delete(LS, "x");
});
