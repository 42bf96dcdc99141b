/** Disconnects of owner processes, signals to the daemon, credentials, limits, re-exec. */
import * as frames from "../client_frames.ts";
import {
  AUTOCREATE,
  LS,
  type Payload,
  type Script,
  type ScriptClient,
  SHARED,
  Topic,
} from "./script.ts";

const holder = new Topic("holders");
export const holderSequences = holder.sequences;

/** A guest process whose own connection "g" holds the exclusive lock LS/x. */
function guestWithLock(s: Script, flags: number = AUTOCREATE): ScriptClient {
  return s.process("guest").guest("g").newLockspace().acquire(LS, "x", flags);
}

holder.sequence(
  "a holder that closes its connection is killed by SIGTERM and its lock freed",
  (s) => {
    guestWithLock(s).close();
    ended(s);
  },
);
holder.sequence("a holder that ignores SIGTERM is killed by SIGKILL after 1.6 s", (s) => {
  const guest = s.process("guest").ignoreTerm();
  guest.guest("g").newLockspace().acquire(LS, "x", AUTOCREATE).close();
  guest.ended();
  s.freed(`${LS}/x`);
});
holder.sequence("a holder that half-closes is killed", (s) => {
  guestWithLock(s).halfClose();
  ended(s);
});
holder.sequence("a holder that sends a bad length word is killed", (s) => {
  guestWithLock(s).send(frames.u32(0));
  ended(s);
});
holder.sequence("a holder that dies leaves no lock", (s) => {
  guestWithLock(s);
  killed(s);
});
holder.sequence("a holder that dies leaves no file that its AUTOCREATE made", (s) => {
  const guest = s.process("guest");
  guest.guest("g").newLockspace().create(LS, "kept").acquire(LS, "kept")
    .acquire(LS, "x", AUTOCREATE).acquire(LS, "y", AUTOCREATE | SHARED);
  guest.kill();
  for (const name of ["kept", "x", "y"]) s.freed(`${LS}/${name}`);
});
holder.sequence("a holder that dies frees locks in several lockspaces and the default one", (s) => {
  s.file("/srv/disk.img");
  const guest = s.process("guest");
  guest.guest("g").newLockspace().newLockspace("/srv/other").acquire(LS, "x", AUTOCREATE)
    .acquire("/srv/other", "x", AUTOCREATE).acquire("", "/srv/disk.img");
  guest.kill();
  for (const path of [`${LS}/x`, "/srv/other/x", "/srv/disk.img"]) s.freed(path);
});
holder.sequence("a holder is killed for a lock that another process took in its name", (s) => {
  const guest = s.process("guest");
  const g = guest.guest("g").restrict();
  s.connect("libvirtd").createLockspace().raw("REGISTER", registerFor("guest"))
    .acquire(LS, "x", AUTOCREATE);
  g.close();
  guest.ended();
  s.freed(`${LS}/x`);
});
holder.sequence("a holder that dies frees what another process took in its name", (s) => {
  const guest = s.process("guest");
  guest.guest("g").restrict();
  s.connect("libvirtd").createLockspace().raw("REGISTER", registerFor("guest"))
    .acquire(LS, "x", AUTOCREATE).acquire(LS, "y", AUTOCREATE).close();
  guest.kill();
  s.freed(`${LS}/x`);
  s.freed(`${LS}/y`);
});
holder.sequence("a guest without locks that closes is left alone", (s) => {
  const guest = s.process("guest");
  guest.guest("g").close();
  s.settle();
  guest.ignoreTerm();
});
holder.sequence("a guest that released its lock before closing is left alone", (s) => {
  guestWithLock(s).release(LS, "x").close();
  s.settle();
});
holder.sequence(
  "a guest that registered as somebody else is left alone and the lock stays",
  (s) => {
    s.process("guest").client("g").register({ pid: 70001 }).newLockspace()
      .acquire(LS, "x", AUTOCREATE).close();
    s.settle();
  },
);
holder.sequence("a guest that locked before it registered as itself is left alone", (s) => {
  const g = s.process("guest").client("g").register({ pid: 70001 }).newLockspace()
    .acquire(LS, "x", AUTOCREATE).raw("REGISTER", registerFor("guest"));
  g.close();
  s.settle();
});
holder.sequence("a guest that registers as somebody else before it closes is left alone", (s) => {
  guestWithLock(s).register({ pid: 70001 }).close();
  s.settle();
});
holder.sequence("a process that closes one of two connections is killed for the lock", (s) => {
  const guest = s.process("guest");
  guest.guest("g").newLockspace().acquire(LS, "x", AUTOCREATE);
  guest.guest("g2").close();
  guest.ended();
  s.freed(`${LS}/x`);
});
holder.sequence("a connection kept by a child keeps the locks of a holder that died", (s) => {
  const guest = s.process("guest");
  guest.guest("g").newLockspace().acquire(LS, "x", AUTOCREATE);
  guest.fork();
  guest.kill();
  s.settle();
  s.owner("b").acquire(LS, "x", AUTOCREATE);
});
holder.sequence("a holder's locks go while a foreign sharer's entry stays", (s) => {
  s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE);
  const guest = s.process("guest");
  guest.guest("g").acquire(LS, "x", SHARED);
  guest.kill();
  s.settle();
  s.pause(300);
  s.owner("b").acquire(LS, "x").release(LS, "x");
});
holder.sequence("a holder with two shared entries leaves none behind when it dies", (s) => {
  const guest = s.process("guest");
  guest.guest("g").newLockspace().acquire(LS, "x", SHARED | AUTOCREATE).acquire(LS, "x", SHARED);
  guest.kill();
  s.pause(500);
  s.settle();
  s.owner("b").acquire(LS, "x", AUTOCREATE);
});
holder.sequence("a lock is not free for another process before its holder is dead", (s) => {
  const guest = s.process("guest").ignoreTerm();
  const g = guest.guest("g").newLockspace().create(LS, "x").acquire(LS, "x");
  const other = s.process("other");
  g.close();
  s.pause(400);
  other.lock(`${LS}/x`, "w");
  guest.ended();
  s.freed(`${LS}/x`);
});
holder.sequence("another client is served while a holder is being killed", (s) => {
  const guest = s.process("guest").ignoreTerm();
  const g = guest.guest("g").newLockspace().create(LS, "x").acquire(LS, "x");
  const b = s.owner("b");
  g.close();
  s.pause(200);
  b.send(b.encode("CREATE_LOCKSPACE", frames.pathArguments("/srv/other"))).receive(1, 700);
  guest.ended();
  s.freed(`${LS}/x`);
});
holder.sequence("a request for the lock of a holder being killed", (s) => {
  const guest = s.process("guest").ignoreTerm();
  const g = guest.guest("g").newLockspace().create(LS, "x").acquire(LS, "x");
  const b = s.owner("b");
  g.close();
  s.pause(200);
  b.acquire(LS, "x");
  guest.ended();
  s.pause(500);
  b.acquire(LS, "x");
});
holder.sequence("a holder that died and was never waited for frees its lock", (s) => {
  const guest = s.process("guest", { unreaped: true });
  guest.guest("g").newLockspace().acquire(LS, "x", AUTOCREATE);
  guest.kill();
  s.freed(`${LS}/x`);
});
holder.sequence("a zombie is not waited for before its lock is free", (s) => {
  const guest = s.process("guest", { unreaped: true });
  guest.guest("g").newLockspace().create(LS, "x").acquire(LS, "x");
  guest.kill();
  s.owner("b");
  s.pause(600);
  s.observe("0.6 s later");
});
holder.sequence("two holders that die at once are both cleaned up", (s) => {
  const first = s.process("first");
  const second = s.process("second");
  first.guest("g").newLockspace().acquire(LS, "x", AUTOCREATE);
  second.guest("h").acquire(LS, "y", AUTOCREATE);
  s.freeze();
  first.kill();
  second.kill();
  s.thaw();
  s.freed(`${LS}/x`);
  s.freed(`${LS}/y`);
});
holder.sequence("a holder that closes with a request unread", (s) => {
  const g = guestWithLock(s);
  s.freeze();
  g.send(g.encode("ACQUIRE_RESOURCE", frames.resourceArguments(LS, "y", AUTOCREATE))).close();
  s.thaw();
  ended(s);
  s.freed(`${LS}/y`);
});

function ended(s: Script): void {
  s.add({ kind: "ended", process: "guest" });
  s.freed(`${LS}/x`);
}

function killed(s: Script): void {
  s.add({ kind: "kill", process: "guest" });
  ended(s);
}

/** A REGISTER in the name of a process, as libvirtd sends it for its guests. */
function registerFor(guest: string): Payload {
  return (pidOf) =>
    frames.frame(
      frames.callHeader("REGISTER", 50),
      frames.registerArguments({ uuid: frames.someUuid, name: "vm", id: 3, pid: pidOf(guest) }),
    );
}

const life = new Topic("daemon");
export const daemonSequences = life.sequences;

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  life.sequence(`${signal} closes clients, frees locks, removes made files and exits 0`, (s) => {
    s.withLockspace().create(LS, "kept").acquire(LS, "kept").acquire(LS, "x", AUTOCREATE)
      .acquire(LS, "y", AUTOCREATE | SHARED);
    s.signal(signal);
  });
}
life.sequence("SIGTERM without any lock exits 0", (s) => {
  s.owner("a");
  s.signal("SIGTERM");
});
life.sequence("SIGTERM kills a connected holder", (s) => {
  guestWithLock(s);
  s.signal("SIGTERM");
  s.add({ kind: "ended", process: "guest" });
});
life.sequence("SIGTERM kills a connected holder that ignores SIGTERM by SIGKILL", (s) => {
  s.process("guest").ignoreTerm().guest("g").newLockspace().acquire(LS, "x", AUTOCREATE);
  s.signal("SIGTERM");
  s.add({ kind: "ended", process: "guest" });
});
life.sequence("SIGTERM leaves a guest without locks alone", (s) => {
  s.process("guest").guest("g");
  s.signal("SIGTERM");
});
for (const signal of ["SIGHUP", "SIGUSR2", "SIGALRM"] as const) {
  life.sequence(`${signal} ends the daemon at once and leaves the files`, (s) => {
    s.withLockspace().acquire(LS, "x", AUTOCREATE);
    s.signal(signal, 1000);
  });
}
life.sequence("re-exec keeps exclusive and shared locks and who owns them", (s) => {
  s.file("/srv/disk.img");
  const a = s.withLockspace().acquire(LS, "x", AUTOCREATE).acquire("", "/srv/disk.img");
  const b = s.owner("b").acquire(LS, "y", SHARED | AUTOCREATE);
  a.acquire(LS, "y", SHARED);
  s.reexec();
  s.observe("after the re-exec");
  b.acquire(LS, "x").release(LS, "x").release(LS, "y");
  a.release(LS, "x").release(LS, "y").release("", "/srv/disk.img");
});
life.sequence("re-exec without locks keeps clients and lockspaces", (s) => {
  const a = s.withLockspace();
  s.reexec();
  a.newLockspace().acquire(LS, "x", AUTOCREATE).ping();
});
life.sequence("re-exec three times in a row", (s) => {
  const a = s.withLockspace().acquire(LS, "x", AUTOCREATE);
  for (let i = 0; i < 3; i++) s.reexec();
  a.acquire(LS, "x").release(LS, "x");
});
life.sequence("re-exec leaves a holder's death noticed", (s) => {
  const guest = s.process("guest");
  guest.guest("g").newLockspace().acquire(LS, "x", AUTOCREATE).restrict();
  s.reexec();
  guest.kill();
  s.freed(`${LS}/x`);
});
life.sequence("re-exec leaves a holder's disconnect noticed", (s) => {
  const guest = s.process("guest");
  const g = guest.guest("g").newLockspace().acquire(LS, "x", AUTOCREATE);
  s.reexec();
  g.close();
  guest.ended();
  s.freed(`${LS}/x`);
});
life.sequence("re-exec keeps the release rules of the first sharer", (s) => {
  const a = s.withLockspace().acquire(LS, "x", SHARED | AUTOCREATE).create(LS, "y")
    .acquire(LS, "y", SHARED);
  s.reexec();
  a.acquire(LS, "y", SHARED | AUTOCREATE).release(LS, "x").release(LS, "y").release(LS, "y");
});
life.sequence("re-exec with a client that has not registered", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE);
  const c = s.connect("c").createLockspace();
  s.reexec();
  c.createLockspace("/srv/other").newLockspace("/srv/third");
});
life.sequence("re-exec with a client whose process is gone", (s) => {
  const guest = s.process("guest");
  guest.guest("g").newLockspace().acquire(LS, "x", AUTOCREATE);
  s.owner("a").acquire(LS, "y", AUTOCREATE);
  guest.fork();
  guest.kill();
  s.reexec();
  s.pause(500);
  s.owner("b").acquire(LS, "x", AUTOCREATE).acquire(LS, "y", AUTOCREATE);
});
life.sequence("re-exec with a locked name that is not UTF-8", (s) => {
  const name = Uint8Array.of(0x78, 0xe9, 0xff);
  const a = s.withLockspace().acquire(LS, name, AUTOCREATE).acquire(LS, "y", AUTOCREATE);
  s.reexec();
  a.release(LS, name).release(LS, "y");
});
life.sequence("re-exec with a half-read call", (s) => {
  const a = s.withLockspace().acquire(LS, "x", AUTOCREATE);
  const call = a.encode("RELEASE_RESOURCE", frames.resourceArguments(LS, "x", 0));
  a.raw("first piece", call.slice(0, 30));
  s.reexec();
  a.raw("the rest", call.slice(30));
});

const admission = new Topic("admission");
export const admissionSequences = admission.sequences;

admission.sequence("a client of another user is closed at once", (s) => {
  s.chmod("/run/libvirt/virtlockd-sock", 0o777);
  s.process("stranger", { uid: 65534 }).client("a").receive(1, 1000);
  s.owner("b");
});
admission.sequence("a client of another user on the admin socket is closed at once", (s) => {
  s.chmod("/run/libvirt/virtlockd-admin-sock", 0o777);
  s.process("stranger", { uid: 65534 });
  s.connect("a", "admin", "stranger").receive(1, 1000);
});
admission.sequence("max_clients makes the next client wait until one leaves", (s) => {
  const a = s.owner("a");
  const b = s.connect("b").register();
  a.close();
  b.receive();
}, { config: "max_clients = 2\n" });
admission.sequence("max_clients serves those that wait in the order they came", (s) => {
  const a = s.owner("a");
  const b = s.connect("b").register();
  const c = s.connect("c").register();
  a.close();
  b.receive();
  s.settle();
  b.close();
  c.receive();
}, { config: "max_clients = 2\n" });
admission.sequence("max_clients does not count the admin socket", (s) => {
  s.owner("a");
  s.connect("b", "admin").ping();
}, { config: "max_clients = 2\n" });
admission.sequence("100 clients are served side by side", (s) => {
  for (let i = 0; i < 100; i++) {
    s.connect(`client ${i}`).register({ pid: 70000 + i }).createLockspace()
      .acquire(LS, `disk ${i % 50}`, SHARED | AUTOCREATE);
  }
});
