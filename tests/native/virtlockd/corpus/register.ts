/** REGISTER and RESTRICT. */
import * as frames from "../client_frames.ts";
import { AUTOCREATE, LS, Topic } from "./script.ts";

const topic = new Topic("REGISTER");
export const registerSequences = topic.sequences;
const latin1 = Uint8Array.of(0x67, 0xe9, 0xff, 0x80, 0x6e);

topic.sequence("REGISTER of an owner is answered by an empty success", (s) => {
  s.connect("a").register();
});
topic.sequence("REGISTER echoes any serial", (s) => {
  const owner = frames.registerArguments({ uuid: frames.someUuid, name: "x", id: 1, pid: 70001 });
  const a = s.connect("a");
  for (const serial of [0, 0, 0xffffffff, 0x80000000, 7, 7]) a.call("REGISTER", owner, { serial });
});

const acceptedOwners: ReadonlyArray<
  readonly [string, Parameters<typeof frames.registerArguments>[0]]
> = [
  ["an empty name", { uuid: frames.someUuid, name: "", id: 1, pid: 70001 }],
  ["a name with a NUL", { uuid: frames.someUuid, name: "a\0b", id: 1, pid: 70001 }],
  ["a name that is not UTF-8", { uuid: frames.someUuid, name: latin1, id: 1, pid: 70001 }],
  ["a name of 65536 bytes", { uuid: frames.someUuid, name: "n".repeat(65536), id: 1, pid: 70001 }],
  ["the nil uuid", { uuid: new Uint8Array(16), name: "g", id: 1, pid: 70001 }],
  ["the largest id", { uuid: frames.someUuid, name: "g", id: 0xffffffff, pid: 70001 }],
  ["pid 0", { uuid: frames.someUuid, name: "g", id: 1, pid: 0 }],
  ["pid 1", { uuid: frames.someUuid, name: "g", id: 1, pid: 1 }],
  ["pid 4294967295", { uuid: frames.someUuid, name: "g", id: 1, pid: 0xffffffff }],
  ["pid 2147483648", { uuid: frames.someUuid, name: "g", id: 1, pid: 0x80000000 }],
];
for (const [what, owner] of acceptedOwners) {
  topic.sequence(`REGISTER with ${what} succeeds, and locks stay when the owner closes`, (s) => {
    s.connect("a").call("REGISTER", frames.registerArguments(owner))
      .newLockspace().acquire(LS, "x", AUTOCREATE).release(LS, "x")
      .acquire(LS, "x", AUTOCREATE).close();
    s.owner("b").acquire(LS, "x", AUTOCREATE).release(LS, "x");
  });
}
topic.sequence("RELEASE_RESOURCE names the caller's pid as a signed number", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE);
  for (const pid of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
    s.connect(`owner ${pid}`).register({ pid }).release(LS, "x");
  }
});
topic.sequence("REGISTER with id 0 is refused and leaves the connection unregistered", (s) => {
  s.connect("a").register({ id: 0 }).newLockspace().acquire("", "/srv/x");
});
topic.sequence("REGISTER with id 0 after a good one leaves the first owner in place", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE).register({ id: 0, pid: 70002 }).release(LS, "x")
    .acquire(LS, "y", AUTOCREATE);
});
topic.sequence("REGISTER with id 0 and a bad flag is refused for the flag", (s) => {
  s.connect("a").register({ id: 0, flags: 1 });
});
topic.sequence("REGISTER again changes the owner pid of later calls", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE).register({ pid: 70002 }).release(LS, "x")
    .register({ pid: 70001 }).release(LS, "x");
});
topic.sequence("REGISTER again with another uuid, name and id keeps the lock releasable", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE)
    .register({ uuid: new Uint8Array(16), name: "other", id: 99 }).release(LS, "x");
});
topic.sequence("REGISTER with any flag is refused naming the bits", (s) => {
  for (const flags of [1, 2, 0x10, 0x80000000, 0xffffffff]) {
    s.connect(`flags ${flags}`).register({ flags }).newLockspace();
  }
});
topic.sequence("REGISTER with a name of 65537 bytes cannot be decoded", (s) => {
  s.connect("a").register({ name: "n".repeat(65537) }).newLockspace().ping();
});
topic.sequence("REGISTER with non-zero padding after the name is accepted", (s) => {
  const payload = frames.concat(
    frames.someUuid,
    frames.xdrString("g", 0xff),
    frames.u32(1, 70001, 0),
  );
  s.connect("a").call("REGISTER", payload).newLockspace();
});

const restrict = new Topic("RESTRICT");
export const restrictSequences = restrict.sequences;

restrict.sequence("RESTRICT of a registered connection succeeds", (s) => {
  s.owner("a").restrict();
});
restrict.sequence("RESTRICT before REGISTER is refused and restricts nothing", (s) => {
  s.connect("a").restrict().register().newLockspace();
});
restrict.sequence("RESTRICT forbids every procedure afterwards, itself included", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE).restrict()
    .register().restrict().newLockspace("/srv/other").createLockspace("/srv/other")
    .create(LS, "y").delete(LS, "y").acquire(LS, "y", AUTOCREATE).release(LS, "x");
});
restrict.sequence("RESTRICT does not hide a bad flag of a later call", (s) => {
  s.owner("a").restrict().register({ flags: 4 }).restrict(1).newLockspace(LS, 8)
    .create(LS, "x", 1).delete(LS, "x", 1).acquire(LS, "x", 4).release(LS, "x", 2);
});
restrict.sequence("RESTRICT does not hide arguments that cannot be decoded", (s) => {
  s.owner("a").restrict().call("REGISTER", frames.u32(1)).call("CREATE_LOCKSPACE", frames.u32(9));
});
restrict.sequence("RESTRICT forbids CREATE_LOCKSPACE even of the default lockspace", (s) => {
  s.owner("a").restrict().createLockspace("").createLockspace(LS);
});
restrict.sequence("RESTRICT with any flag is refused and restricts nothing", (s) => {
  s.owner("a").restrict(1).restrict(0xffffffff).newLockspace();
});
restrict.sequence("RESTRICT without its flags cannot be decoded and restricts nothing", (s) => {
  s.owner("a").call("RESTRICT", frames.u32()).newLockspace();
});
restrict.sequence("RESTRICT leaves PING answered", (s) => {
  s.owner("a").restrict().ping();
});
restrict.sequence("RESTRICT of one connection leaves another of the same owner free", (s) => {
  s.withLockspace().acquire(LS, "x", AUTOCREATE).restrict();
  s.connect("b").register({ pid: 70001 }).release(LS, "x");
});
restrict.sequence("RESTRICT ends with the connection", (s) => {
  s.owner("a").restrict().close();
  s.owner("b").newLockspace();
});
restrict.sequence("RESTRICT survives a re-exec", (s) => {
  s.owner("a").restrict();
  s.reexec();
  s.owner("b").newLockspace();
});
