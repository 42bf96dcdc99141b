/** A daemon of a user's session, which is not root: its paths, its permissions, whom it serves. */
import { AUTOCREATE, SHARED, Topic } from "./script.ts";
import { SESSION_UID } from "./site.ts";

const topic = new Topic("session");
export const sessionSequences = topic.sequences;

const session = { session: true } as const;
/** Anybody may write there; everything else under /srv is root's. */
const OPEN = "/srv/open";
const LS = `${OPEN}/ls`;

topic.sequence("a session daemon makes lockspaces and locks", (s) => {
  s.directory(OPEN, 0o777);
  s.owner("a").newLockspace(LS).acquire(LS, "x", AUTOCREATE).acquire(LS, "y", AUTOCREATE | SHARED)
    .create(LS, "z").acquire("", `${LS}/z`).release(LS, "y");
}, session);
topic.sequence("a session daemon may make no lockspace in a directory of root", (s) => {
  s.directory("/srv/closed");
  s.owner("a").createLockspace("/srv/closed/ls").createLockspace("/srv/p/q");
}, session);
topic.sequence("NEW reports a directory of root to the client of a session daemon", (s) => {
  s.directory("/srv/closed");
  s.owner("a").newLockspace("/srv/closed/ls").ping();
}, session);
topic.sequence("a session daemon takes a lockspace that it may only search", (s) => {
  s.directory("/srv/closed");
  s.file("/srv/closed/x", "", 0o666);
  s.owner("a").createLockspace("/srv/closed").acquire("/srv/closed", "x")
    .acquire("/srv/closed", "y", AUTOCREATE).create("/srv/closed", "y").release("/srv/closed", "x");
}, session);
topic.sequence("a session daemon may not even look into a closed directory", (s) => {
  s.directory("/srv/closed", 0o700);
  s.directory("/srv/closed/ls", 0o777);
  s.owner("a").createLockspace("/srv/closed/ls").acquire("", "/srv/closed/ls/x", AUTOCREATE)
    .delete("", "/srv/closed/ls/x").create("", "/srv/closed/ls/x");
}, session);
for (const mode of [0o600, 0o444, 0o222]) {
  topic.sequence(
    `a session daemon may not lock a file of root of mode ${mode.toString(8)}`,
    (s) => {
      s.file("/srv/disk.img", "image", mode);
      s.owner("a").acquire("", "/srv/disk.img").acquire("", "/srv/disk.img", SHARED)
        .acquire("", "/srv/disk.img", AUTOCREATE).create("", "/srv/disk.img");
    },
    session,
  );
}
topic.sequence("a session daemon may not delete a file of root", (s) => {
  s.file("/srv/disk.img", "image", 0o666);
  s.owner("a").delete("", "/srv/disk.img").acquire("", "/srv/disk.img", AUTOCREATE)
    .release("", "/srv/disk.img");
}, session);
topic.sequence("a session daemon refuses root", (s) => {
  s.process("root").client("r").receive(1, 1000);
  s.owner("a");
}, session);
topic.sequence("a session daemon kills a holder of its user", (s) => {
  s.directory(OPEN, 0o777);
  const guest = s.process("guest", { uid: SESSION_UID });
  guest.guest("g").newLockspace(LS).acquire(LS, "x", AUTOCREATE).close();
  guest.ended();
  s.freed(`${LS}/x`);
}, session);
topic.sequence("a session daemon re-execs and keeps its locks", (s) => {
  s.directory(OPEN, 0o777);
  const a = s.owner("a").newLockspace(LS).acquire(LS, "x", AUTOCREATE);
  s.reexec();
  a.acquire(LS, "x").release(LS, "x");
}, session);
topic.sequence("a session daemon ends at SIGTERM and frees its locks", (s) => {
  s.directory(OPEN, 0o777);
  s.owner("a").newLockspace(LS).acquire(LS, "x", AUTOCREATE);
  s.signal("SIGTERM");
}, session);
