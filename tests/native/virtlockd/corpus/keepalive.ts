/** The keepalive program. */
import * as frames from "../client_frames.ts";
import { LS, Topic } from "./script.ts";

const topic = new Topic("keepalive");
export const keepaliveSequences = topic.sequences;

topic.sequence("PING is answered by PONG before REGISTER", (s) => {
  s.connect("a").ping().register();
});
topic.sequence("PING is answered by PONG after REGISTER", (s) => {
  s.owner("a").ping().ping();
});
topic.sequence("PING is answered with serial and status 0 whatever it carries", (s) => {
  s.connect("a").raw("PING", frames.keepalive(1, { serial: 77 }))
    .raw("PING", frames.keepalive(1, { status: 1 }))
    .raw("PING", frames.keepalive(1, { serial: 0xffffffff, status: 2 }));
});
topic.sequence("PING with a payload is answered", (s) => {
  const header = frames.decodeHeader(frames.ping);
  s.connect("a").raw("PING", frames.frame(header, frames.u32(1, 2, 3))).ping();
});
topic.sequence("PONG is swallowed", (s) => {
  s.connect("a").raw("PONG", frames.pong).ping().register();
});
topic.sequence("unknown keepalive procedures are swallowed", (s) => {
  const a = s.connect("a");
  for (const procedure of [0, 3, 255, 0xffffffff]) {
    a.raw(`procedure ${procedure}`, frames.keepalive(procedure)).ping();
  }
});
topic.sequence("PING of another version is swallowed", (s) => {
  const a = s.connect("a");
  for (const version of [0, 2, 0xffffffff]) {
    a.raw(`version ${version}`, frames.keepalive(1, { version })).ping();
  }
});
topic.sequence("PING sent as a call is an unknown program", (s) => {
  s.connect("a").raw("PING", frames.keepalive(1, { type: 0 })).ping().register();
});
topic.sequence("PING sent as a call with descriptors is an unknown program", (s) => {
  const header = { ...frames.decodeHeader(frames.ping), type: frames.MessageType.callWithFds };
  s.connect("a").raw("PING", frames.frame(header, frames.u32(0))).ping();
});
topic.sequence("PING sent as anything but a message or a call is swallowed", (s) => {
  const a = s.connect("a");
  for (const type of [1, 3, 5, 6]) a.raw(`type ${type}`, frames.keepalive(1, { type })).ping();
});
topic.sequence("100 PINGs in one write are all answered", (s) => {
  s.connect("a").send(frames.concat(...Array.from({ length: 100 }, () => frames.ping))).receive(
    100,
  );
});
topic.sequence("PING after a swallowed message is answered", (s) => {
  s.connect("a").raw("reply", frames.frame(frames.callHeader("NEW", 1, { type: 1 }))).ping();
});
topic.sequence("PING is answered while a lock is held", (s) => {
  s.withLockspace().acquire(LS, "x", 2).ping().release(LS, "x");
});
topic.sequence("PING is answered on the admin socket", (s) => {
  s.connect("a", "admin").ping();
});
