/** Calls of the lock program, as clients send them: what damaged frames are made of. */
import * as frames from "../native/virtlockd/client_frames.ts";

const LONG = "d".repeat(300);

function call(
  procedure: frames.LockProcedure,
  args: Uint8Array,
  changes: Partial<frames.Header> = {},
): Uint8Array {
  return frames.frame(frames.callHeader(procedure, 5, changes), args);
}

function register(name: frames.Text, id = 1): Uint8Array {
  return frames.registerArguments({ uuid: frames.someUuid, name, id, pid: 4242 });
}

/** Small calls: for each of them, every pair of bits is flipped. */
export const smallFrames: Readonly<Record<string, Uint8Array>> = {
  "REGISTER": call("REGISTER", register("vm1"), { serial: 6 }),
  "REGISTER of a name that is not UTF-8": call("REGISTER", register(Uint8Array.of(0xff, 0, 0x80))),
  "RESTRICT": call("RESTRICT", frames.u32(0)),
  "NEW": call("NEW", frames.pathArguments("/srv/ls", 0)),
  "CREATE_RESOURCE": call("CREATE_RESOURCE", frames.resourceArguments("/srv/ls", "a")),
  "DELETE_RESOURCE": call("DELETE_RESOURCE", frames.resourceArguments("/srv/ls", "a")),
  "ACQUIRE_RESOURCE": call("ACQUIRE_RESOURCE", frames.resourceArguments("/srv/ls", "a", 3)),
  "RELEASE_RESOURCE of an empty path": call("RELEASE_RESOURCE", frames.resourceArguments("", "a")),
  "CREATE_LOCKSPACE": call("CREATE_LOCKSPACE", frames.pathArguments("/srv/ls")),
  "ACQUIRE_RESOURCE of empty strings": call("ACQUIRE_RESOURCE", frames.resourceArguments("", "")),
};

/** Calls whose strings take several of the decoder's pieces, or reach the limit. */
export const largeFrames: Readonly<Record<string, Uint8Array>> = {
  "ACQUIRE_RESOURCE of long names": call("ACQUIRE_RESOURCE", frames.resourceArguments(LONG, LONG)),
  "CREATE_LOCKSPACE of the longest name": call(
    "CREATE_LOCKSPACE",
    frames.pathArguments("p".repeat(frames.LONGEST_STRING_BYTES)),
  ),
  "RELEASE_RESOURCE of the longest names": call(
    "RELEASE_RESOURCE",
    frames.resourceArguments(
      "p".repeat(frames.LONGEST_STRING_BYTES),
      "n".repeat(frames.LONGEST_STRING_BYTES),
    ),
  ),
};

/** Frames seen between libvirt's client library and the C daemon of libvirt 9.0.0. */
export const seenFrames: Readonly<Record<string, string>> = {
  "RELEASE_RESOURCE of an empty path":
    "0000002c0ea7beef0000000100000007000000000000000500000000000000000000000161000000" + "00000000",
  "REGISTER": "000000400ea7beef00000001000000010000000000000006000000000001020304050607" +
    "08090a0b0c0d0e0f00000003766d3100000000010000109200000000",
};
