import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  ACQUIRE_RESOURCE,
  CREATE_LOCKSPACE,
  CREATE_RESOURCE,
  decodeLockCall,
  DELETE_RESOURCE,
  emptyLockCall,
  encodeLockCall,
  isLockProcedure,
  LOCK_FRAME_KEEP_BYTES,
  LOCK_STRING_MAX_BYTES,
  type LockCall,
  NEW,
  REGISTER,
  RELEASE_RESOURCE,
  RESTRICT,
} from "../../../daemons/virtlockd/lock_protocol.ts";
import { XdrReader, XdrWriter } from "../../../src/wire/xdr.ts";
import * as frames from "../../native/virtlockd/client_frames.ts";

const reader = new XdrReader();
const call = emptyLockCall();

/** The call that these arguments make, or undefined. */
function decoded(procedure: number, args: Uint8Array): LockCall | undefined {
  const bytes = args.slice();
  reader.reset(bytes, new DataView(bytes.buffer), 0, bytes.length);
  return decodeLockCall(procedure, reader, call) ? { ...call } : undefined;
}

function encoded(one: LockCall): Uint8Array<ArrayBuffer> {
  const writer = new XdrWriter(4);
  encodeLockCall(writer, one);
  return writer.copy();
}

const byteString = fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));
const u32 = fc.nat(0xffff_ffff);
const empty = emptyLockCall();

function shape(
  procedure: number,
  fields: Partial<Record<keyof LockCall, unknown>>,
): fc.Arbitrary<LockCall> {
  const arbitraries: Record<string, fc.Arbitrary<unknown>> = {
    path: byteString,
    name: byteString,
    flags: u32,
    ownerId: u32,
    ownerPid: u32,
    uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  };
  const chosen = Object.fromEntries(Object.keys(fields).map((key) => [key, arbitraries[key]]));
  return fc.record(chosen).map((values) => ({ ...empty, procedure, ...values }));
}

const resource = { path: 1, name: 1, flags: 1 };
const anyCall = fc.oneof(
  shape(REGISTER, { uuid: 1, name: 1, ownerId: 1, ownerPid: 1, flags: 1 }),
  shape(RESTRICT, { flags: 1 }),
  shape(NEW, { path: 1, flags: 1 }),
  shape(CREATE_RESOURCE, resource),
  shape(DELETE_RESOURCE, resource),
  shape(ACQUIRE_RESOURCE, resource),
  shape(RELEASE_RESOURCE, resource),
  shape(CREATE_LOCKSPACE, { path: 1 }),
);

Deno.test("decodeLockCall gives back every call that encodeLockCall wrote, whatever came before it", () => {
  fc.assert(
    fc.property(fc.array(anyCall, { minLength: 1, maxLength: 4 }), (calls) => {
      for (const one of calls) {
        const { uuid, ownerId, ownerPid, ...rest } = decoded(one.procedure, encoded(one)) ?? empty;
        const { uuid: wantedUuid, ownerId: wantedId, ownerPid: wantedPid, ...wanted } = one;
        assertEquals(rest, wanted);
        if (one.procedure !== REGISTER) continue;
        assertEquals([uuid, ownerId, ownerPid], [wantedUuid, wantedId, wantedPid]);
      }
    }),
    { seed: 31, numRuns: 3_000 },
  );
});

Deno.test("encodeLockCall writes the arguments as libvirt's clients do", () => {
  const owner = { uuid: frames.someUuid, name: "vm1", id: 1, pid: 4242 };
  const register = {
    ...empty,
    procedure: REGISTER,
    uuid: owner.uuid.slice(),
    name: "vm1",
    ownerId: 1,
  };
  assertEquals(encoded({ ...register, ownerPid: 4242 }), frames.registerArguments(owner));
  const args = { ...empty, path: "/ls", name: "a", flags: 3 };
  assertEquals(encoded({ ...args, procedure: RESTRICT }), frames.u32(3));
  assertEquals(encoded({ ...args, procedure: NEW }), frames.pathArguments("/ls", 3));
  assertEquals(encoded({ ...args, procedure: CREATE_LOCKSPACE }), frames.pathArguments("/ls"));
  for (const procedure of [CREATE_RESOURCE, DELETE_RESOURCE, ACQUIRE_RESOURCE, RELEASE_RESOURCE]) {
    assertEquals(encoded({ ...args, procedure }), frames.resourceArguments("/ls", "a", 3));
  }
});

Deno.test("decodeLockCall reads the registration that was seen on a C daemon's socket", () => {
  const args = Uint8Array.fromHex(
    "000102030405060708090a0b0c0d0e0f" + "00000003766d3100" + "00000001" + "00001092" + "00000000",
  );
  const { uuid, name, ownerId, ownerPid, flags } = decoded(REGISTER, args) ?? empty;
  assertEquals([name, ownerId, ownerPid, flags], ["vm1", 1, 4242, 0]);
  assertEquals(uuid, frames.someUuid);
});

Deno.test("decodeLockCall takes strings of 65536 bytes and refuses longer ones", () => {
  const longest = "p".repeat(LOCK_STRING_MAX_BYTES);
  assertEquals(decoded(CREATE_LOCKSPACE, frames.pathArguments(longest))?.path, longest);
  assertEquals(decoded(CREATE_LOCKSPACE, frames.pathArguments(longest + "p")), undefined);
  const both = decoded(ACQUIRE_RESOURCE, frames.resourceArguments(longest, longest));
  assertEquals([both?.path.length, both?.name.length], [65_536, 65_536]);
});

Deno.test("decodeLockCall ignores what stands behind the arguments", () => {
  const args = frames.concat(frames.resourceArguments("/ls", "a", 1), new Uint8Array(77).fill(255));
  assertEquals(decoded(ACQUIRE_RESOURCE, args)?.flags, 1);
});

Deno.test("decodeLockCall gives a registration bytes of its own", () => {
  const owner = { uuid: frames.someUuid, name: "vm1", id: 1, pid: 4242 };
  const first = decoded(REGISTER, frames.registerArguments(owner))?.uuid;
  decoded(REGISTER, frames.registerArguments({ ...owner, uuid: new Uint8Array(16).fill(9) }));
  assertEquals(first, frames.someUuid);
});

Deno.test("isLockProcedure knows the procedures 1 to 8", () => {
  const known = [-1, 0, 1, 2, 7, 8, 9, 0x7fff_ffff, -0x8000_0000].filter(isLockProcedure);
  assertEquals(known, [1, 2, 7, 8]);
});

Deno.test("LOCK_FRAME_KEEP_BYTES has room for the longest call that means something", () => {
  const longest = "p".repeat(LOCK_STRING_MAX_BYTES);
  const args = frames.concat(frames.u32(0), frames.resourceArguments(longest, longest));
  const frame = frames.frame(frames.callHeader("ACQUIRE_RESOURCE", 1, { type: 4 }), args);
  assert(frame.length <= LOCK_FRAME_KEEP_BYTES);
});
