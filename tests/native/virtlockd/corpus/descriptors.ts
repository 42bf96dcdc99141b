/** Calls of type 4, which announce descriptors. */
import * as frames from "../client_frames.ts";
import { AUTOCREATE, LS, type Script, type ScriptClient, Topic } from "./script.ts";

const topic = new Topic("descriptors");
export const descriptorSequences = topic.sequences;

const withFds = { type: frames.MessageType.callWithFds };
const lockspace = frames.pathArguments(LS);

/** A client in a process of its own, which can pass descriptors; its pid owns nothing. */
function passer(s: Script): ScriptClient {
  return s.process("sender").client("a").register({ pid: 70001 });
}

topic.sequence("a call with 0 descriptors is a normal call", (s) => {
  passer(s).call("CREATE_LOCKSPACE", frames.concat(frames.u32(0), lockspace), withFds)
    .call(
      "ACQUIRE_RESOURCE",
      frames.concat(frames.u32(0), frames.resourceArguments(LS, "x", 2)),
      withFds,
    )
    .release(LS, "x");
});
for (const count of [1, 2, 31, 32]) {
  topic.sequence(`a call with ${count} descriptors waits for them and is carried out`, (s) => {
    passer(s).call("CREATE_LOCKSPACE", frames.concat(frames.u32(count), lockspace), withFds)
      .passDescriptors(count).acquire(LS, "x", AUTOCREATE);
  });
}
topic.sequence("a call with more than 32 descriptors closes the connection", (s) => {
  for (const count of [33, 0x7fffffff, 0x80000000, 0xffffffff]) {
    s.connect(`count ${count}`)
      .call("CREATE_LOCKSPACE", frames.concat(frames.u32(count), lockspace), withFds);
  }
  s.owner("b");
});
topic.sequence("a call of type 4 without a whole count closes the connection", (s) => {
  for (const length of [0, 1, 3]) {
    s.connect(`${length} bytes`).call("CREATE_LOCKSPACE", new Uint8Array(length), withFds);
  }
  s.owner("b");
});
topic.sequence("a byte without a descriptor where one was announced closes the connection", (s) => {
  s.connect("a").call("CREATE_LOCKSPACE", frames.concat(frames.u32(1), lockspace), withFds)
    .raw("a byte", Uint8Array.of(0));
});
topic.sequence("another call in place of an announced descriptor closes the connection", (s) => {
  s.connect("a").call("CREATE_LOCKSPACE", frames.concat(frames.u32(1), lockspace), withFds)
    .ping();
});
topic.sequence("a call waits while only one of two descriptors has come", (s) => {
  passer(s).call("CREATE_LOCKSPACE", frames.concat(frames.u32(2), lockspace), withFds)
    .passDescriptors(1);
  s.owner("b").acquire(LS, "x", AUTOCREATE);
});
topic.sequence("a call whose second descriptor comes later is carried out then", (s) => {
  passer(s).call("CREATE_LOCKSPACE", frames.concat(frames.u32(2), lockspace), withFds)
    .passDescriptors(1).passDescriptors(1).passDescriptors(0);
});
topic.sequence("a call that never gets its descriptors does not disturb another client", (s) => {
  s.connect("a").call("CREATE_LOCKSPACE", frames.concat(frames.u32(1), lockspace), withFds);
  s.owner("b").newLockspace("/srv/other");
});
topic.sequence("a call of an unknown program with 0 descriptors is an unknown program", (s) => {
  s.connect("a").call("NEW", frames.concat(frames.u32(0), lockspace), { ...withFds, program: 7 });
});
topic.sequence("a call of an unknown program with a descriptor is refused once it came", (s) => {
  passer(s).call("NEW", frames.concat(frames.u32(1), lockspace), { ...withFds, program: 7 })
    .passDescriptors(1);
});
topic.sequence("a call of an unknown procedure with a descriptor is refused once it came", (s) => {
  passer(s).call(9, frames.concat(frames.u32(1), lockspace), withFds).passDescriptors(1).ping();
});
topic.sequence("a call with a bad status and a descriptor is refused once it came", (s) => {
  passer(s).call("NEW", frames.concat(frames.u32(1), lockspace), { ...withFds, status: 1 })
    .passDescriptors(1).ping();
});
topic.sequence("a call with arguments cut short and a descriptor cannot be decoded", (s) => {
  passer(s).call("NEW", frames.concat(frames.u32(1), lockspace), withFds).passDescriptors(1)
    .call("NEW", frames.u32(0), withFds);
});
topic.sequence(
  "a message of type 5 announces nothing: a descriptor's byte is the next length word",
  (s) => {
    passer(s).call("NEW", frames.concat(frames.u32(1), lockspace), { type: 5 }).passDescriptors(1)
      .ping();
  },
);
topic.sequence("a message of type 5 without a count is swallowed", (s) => {
  s.connect("a").call("NEW", frames.u32(), { type: 5 }).ping();
});
topic.sequence("a message of type 5 with a count over the limit is swallowed", (s) => {
  s.connect("a").call("NEW", frames.u32(33), { type: 5 }).ping();
});
topic.sequence("the byte of a descriptor that nobody announced is taken for a length word", (s) => {
  passer(s).passDescriptors(1).raw("zeros", new Uint8Array(3)).ping();
});
topic.sequence("the byte of a descriptor within a length word is taken for part of it", (s) => {
  passer(s).raw("first piece", frames.u32(28).slice(0, 3)).passDescriptors(1).ping();
});
topic.sequence("a restricted connection may pass a descriptor but not call", (s) => {
  passer(s).restrict().call(
    "NEW",
    frames.concat(frames.u32(1), frames.pathArguments(LS, 0)),
    withFds,
  )
    .passDescriptors(1);
});
