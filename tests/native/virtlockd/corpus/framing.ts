/** Good and bad frames: length words, headers, arguments, fragments, pipelines, half-closes. */
import * as frames from "../client_frames.ts";
import { AUTOCREATE, LS, type ScriptClient, Topic } from "./script.ts";

const topic = new Topic("framing");
export const framingSequences = topic.sequences;

const owner = frames.registerArguments({ uuid: frames.someUuid, name: "g", id: 1, pid: 70001 });

/** A length word and so many bytes after it as the word promises, all zero. */
function lengthAlone(length: number, bytes = Math.max(length, frames.LENGTH_BYTES)): Uint8Array {
  return frames.concat(frames.u32(length), new Uint8Array(Math.max(0, bytes - 4)));
}

topic.sequence("a length word of less than 4 or over the limit closes at once", (s) => {
  const over = [frames.LARGEST_FRAME_BYTES + 1, 0x7fffffff, 0x80000000, 0xffffffff];
  for (const length of [0, 1, 2, 3, ...over]) {
    s.connect(`length ${length}`).raw("length word", frames.u32(length));
  }
  s.owner("b");
});
topic.sequence("a frame of less than a header closes the connection", (s) => {
  for (const length of [4, 5, 8, 16, 24, 27]) {
    s.connect(`length ${length}`).raw("short frame", lengthAlone(length));
  }
  s.owner("b");
});
topic.sequence("a length word of less than a header waits for the bytes it promises", (s) => {
  s.owner("b");
  for (const length of [5, 8, 27]) {
    s.connect(`length ${length}`).raw("length word", frames.u32(length))
      .raw("the rest", new Uint8Array(length - 4));
  }
});
topic.sequence("a frame of 28 zero bytes names the unknown program 0", (s) => {
  s.connect("a").raw("zeros", lengthAlone(28)).ping();
});
topic.sequence("the largest frame of 33554436 bytes is taken and its excess ignored", (s) => {
  const excess = frames.LARGEST_FRAME_BYTES - 28 - owner.length;
  s.connect("a").call("REGISTER", frames.concat(owner, new Uint8Array(excess))).newLockspace();
});
topic.sequence("a length word of 33554436 waits for the bytes it promises", (s) => {
  s.connect("a").raw("length word", frames.u32(frames.LARGEST_FRAME_BYTES));
  s.owner("b");
});
topic.sequence("a frame one byte over the limit closes the connection", (s) => {
  const bytes = frames.frame(frames.callHeader("REGISTER", 1), owner);
  new DataView(bytes.buffer).setUint32(0, frames.LARGEST_FRAME_BYTES + 1);
  s.connect("a").raw("too large", bytes);
});
topic.sequence("a large frame of an unknown procedure is refused after its last byte", (s) => {
  s.connect("a").call(9, new Uint8Array(1 << 20)).register();
});

const wholeCall = frames.frame(frames.callHeader("REGISTER", 1), owner);
topic.sequence("a call in two pieces is answered once, wherever it is cut", (s) => {
  for (const cut of [1, 3, 4, 5, 15, 27, 28, 29, 44, wholeCall.length - 1]) {
    s.connect(`cut after ${cut}`).raw("first piece", wholeCall.slice(0, cut))
      .raw("rest", wholeCall.slice(cut));
  }
});
topic.sequence("a call byte by byte is answered once", (s) => {
  const a = s.connect("a");
  for (const byte of wholeCall) a.send(Uint8Array.of(byte));
  a.receive();
});
topic.sequence("a call and a piece of the next are answered one after the other", (s) => {
  const bytes = frames.concat(wholeCall, wholeCall);
  const cut = wholeCall.length + 10;
  s.connect("a").raw("one and a piece", bytes.slice(0, cut)).raw("the rest", bytes.slice(cut));
});
topic.sequence("an unfinished call does not disturb another client", (s) => {
  const a = s.connect("a").raw("piece", wholeCall.slice(0, 30));
  s.owner("b").newLockspace().acquire(LS, "x", AUTOCREATE);
  a.close();
});

const unknownPrograms: ReadonlyArray<readonly [string, Partial<frames.Header>]> = [
  ["program 0", { program: 0 }],
  ["libvirt's remote driver", { program: 0x20008086 }],
  ["the admin program", { program: frames.Program.admin }],
  ["the admin program, version 2", { program: frames.Program.admin, version: 2 }],
  ["program 4294967295", { program: 0xffffffff }],
  ["version 0", { version: 0 }],
  ["version 2", { version: 2 }],
  ["version 4294967295", { version: 0xffffffff }],
  ["a bad status", { program: 7, status: 1 }],
  ["procedure 99", { program: 7, procedure: 99 }],
  ["a negative procedure", { program: 7, procedure: 0xffffffff }],
];
topic.sequence("a call of an unknown program or version is refused, whatever else it has", (s) => {
  for (const [what, changes] of unknownPrograms) {
    s.connect(what).call("REGISTER", owner, changes).newLockspace().register();
  }
});
topic.sequence("a call of an unknown procedure is refused, naming it as a signed number", (s) => {
  for (const procedure of [0, 9, 10, 255, 0x7fffffff, 0x80000000, 0xffffffff]) {
    s.connect(`procedure ${procedure}`).call(procedure, owner).register().restrict()
      .call(procedure, owner);
  }
});
topic.sequence("a call with a status is refused, naming it as an unsigned number", (s) => {
  for (const status of [1, 2, 3, 0x80000000, 0xffffffff]) {
    s.connect(`status ${status}`).call("REGISTER", owner, { status }).newLockspace().register();
  }
});
topic.sequence("a bad status is reported before an unknown procedure", (s) => {
  s.connect("a").call(99, owner, { status: 1 });
});
for (const type of [1, 2, 3, 5, 6, 7, 255, 0xffffffff]) {
  topic.sequence(`a message of type ${type} is swallowed, of whatever program`, (s) => {
    s.connect("a").call("REGISTER", owner, { type }).newLockspace().register().newLockspace();
    s.connect("b").call("REGISTER", owner, { type, program: 7 }).register();
  });
}
topic.sequence("a message of type 1 with a bad status and procedure is swallowed", (s) => {
  s.connect("a").call(99, owner, { type: 1, status: 9 }).register();
});

/** Valid arguments of each procedure, to be cut short. */
const validArguments: ReadonlyArray<readonly [frames.LockProcedure, Uint8Array]> = [
  ["REGISTER", owner],
  ["RESTRICT", frames.u32(0)],
  ["NEW", frames.pathArguments(LS, 0)],
  ["CREATE_RESOURCE", frames.resourceArguments(LS, "name", 0)],
  ["DELETE_RESOURCE", frames.resourceArguments(LS, "name", 0)],
  ["ACQUIRE_RESOURCE", frames.resourceArguments(LS, "name", AUTOCREATE)],
  ["RELEASE_RESOURCE", frames.resourceArguments(LS, "name", 0)],
  ["CREATE_LOCKSPACE", frames.pathArguments(LS)],
];
for (const [procedure, payload] of validArguments) {
  topic.sequence(`${procedure} cut short anywhere cannot be decoded`, (s) => {
    const a = s.owner("a");
    for (let length = 0; length < payload.length; length++) {
      a.call(procedure, payload.slice(0, length));
    }
  });
  topic.sequence(`${procedure} with bytes after its arguments is carried out`, (s) => {
    s.owner("a").createLockspace("/srv/other")
      .call(procedure, frames.concat(payload, Uint8Array.of(1)))
      .call(procedure, frames.concat(payload, frames.u32(0xffffffff, 7)));
  });
}
topic.sequence("a string longer than the frame cannot be decoded", (s) => {
  s.owner("a").call("NEW", frames.concat(frames.u32(100), frames.bytesOf("abcd")))
    .call("CREATE_LOCKSPACE", frames.u32(0xffffffff)).call("CREATE_LOCKSPACE", frames.u32(65536))
    .call("CREATE_LOCKSPACE", frames.u32(65537)).ping();
});
topic.sequence("a string without its padding at the end of a frame", (s) => {
  const unpadded = frames.concat(frames.u32(7), frames.bytesOf("/srv/ls"));
  s.owner("a").call("CREATE_LOCKSPACE", unpadded);
});
topic.sequence("non-zero padding is accepted", (s) => {
  const args = frames.concat(
    frames.xdrString(LS, 0xaa),
    frames.xdrString("x", 0xbb),
    frames.u32(AUTOCREATE),
  );
  s.withLockspace().call("ACQUIRE_RESOURCE", args).acquire(LS, "x");
});
topic.sequence("serials are echoed and not compared", (s) => {
  const a = s.owner("a");
  for (const serial of [5, 5, 0, 0xffffffff, 1]) {
    a.call("CREATE_LOCKSPACE", frames.pathArguments(LS), { serial });
  }
});

/** So many calls in one write, each with its own serial. */
function pipeline(client: ScriptClient, count: number): Uint8Array {
  const calls = Array.from(
    { length: count },
    (_, i) => client.encode("ACQUIRE_RESOURCE", frames.resourceArguments(LS, `r${i}`, AUTOCREATE)),
  );
  return frames.concat(...calls);
}

for (const count of [2, 10, 200]) {
  topic.sequence(`${count} calls in one write are answered in order`, (s) => {
    const a = s.withLockspace();
    a.send(pipeline(a, count)).receive(count);
  });
}
topic.sequence("an error within a pipeline stops nothing", (s) => {
  const a = s.withLockspace();
  a.send(frames.concat(
    a.encode("ACQUIRE_RESOURCE", frames.resourceArguments(LS, "x", AUTOCREATE)),
    a.encode("ACQUIRE_RESOURCE", frames.resourceArguments(LS, "x", AUTOCREATE)),
    a.encode("RESTRICT", frames.u32(5)),
    a.encode("RELEASE_RESOURCE", frames.resourceArguments(LS, "x", 0)),
    a.encode("RELEASE_RESOURCE", frames.resourceArguments(LS, "x", 0)),
  )).receive(5);
});
topic.sequence("a bad length word within a pipeline closes after the answers before it", (s) => {
  const a = s.withLockspace();
  a.send(frames.concat(pipeline(a, 1), frames.u32(0), pipeline(a, 1))).receive(2);
  s.settle();
});
topic.sequence("a pipeline of two clients at once keeps their answers apart", (s) => {
  const a = s.withLockspace();
  const b = s.owner("b");
  const call = (client: ScriptClient, name: string): Uint8Array =>
    client.encode("ACQUIRE_RESOURCE", frames.resourceArguments(LS, name, AUTOCREATE));
  s.freeze();
  a.send(frames.concat(call(a, "a1"), call(a, "a2"), call(a, "a3")));
  b.send(frames.concat(call(b, "b1"), call(b, "b2"), call(b, "b3")));
  s.thaw();
  a.receive(3);
  b.receive(3);
});
topic.sequence("PING within a pipeline is answered among the calls", (s) => {
  const a = s.withLockspace();
  s.freeze();
  a.send(frames.concat(pipeline(a, 2), frames.ping, pipeline(a, 1)));
  s.thaw();
  a.receive(4);
});

topic.sequence("a half-close without a call closes the connection", (s) => {
  s.owner("a").halfClose().receive();
});
topic.sequence("a half-close before any byte closes the connection", (s) => {
  s.connect("a").halfClose().receive();
});
topic.sequence("a half-close after a pipeline gets all answers and then the end", (s) => {
  const a = s.withLockspace();
  s.freeze();
  a.send(pipeline(a, 5)).halfClose();
  s.thaw();
  a.receive(6);
});
topic.sequence("a half-close within a frame closes the connection", (s) => {
  s.connect("a").send(wholeCall.slice(0, 40)).halfClose().receive();
});
topic.sequence("a half-close after a call and a piece gets the answer to the call", (s) => {
  s.freeze();
  s.connect("a").send(frames.concat(wholeCall, wholeCall.slice(0, 9))).halfClose();
  s.thaw();
  s.settle();
});
for (const count of [1, 2, 5]) {
  topic.sequence(`closing with ${count} unread calls carries out only the first`, (s) => {
    const a = s.withLockspace();
    s.freeze();
    a.send(pipeline(a, count)).close();
    s.thaw();
    s.settle();
    s.owner("b").acquire(LS, "r0", AUTOCREATE).acquire(LS, "r1", AUTOCREATE);
  });
}
topic.sequence("closing within a frame carries out nothing", (s) => {
  const a = s.withLockspace();
  s.freeze();
  a.send(pipeline(a, 1).slice(0, -1)).close();
  s.thaw();
  s.settle();
});
topic.sequence("closing with answers unread loses nothing that was asked", (s) => {
  const a = s.withLockspace();
  a.send(pipeline(a, 3));
  s.settle();
  a.close();
});
