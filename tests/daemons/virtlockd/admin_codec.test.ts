/** The codecs of the admin program with values of their own: what is decoded is what was encoded, and ends where it ended. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import * as protocol from "../../../daemons/virtlockd/admin_protocol.ts";
import { type Codec, list, string, uint } from "../../../daemons/virtlockd/xdr_codec.ts";
import { STRING_MAX_BYTES } from "../../../src/wire/rpc.ts";
import { XdrError, XdrReader, XdrWriter } from "../../../src/wire/xdr.ts";

const SEED = 20_230_116;
const RUNS = 2_000;

const writer = new XdrWriter(16);
const reader = new XdrReader();

function written<T>(codec: Codec<T>, value: T): Uint8Array<ArrayBuffer> {
  writer.reset();
  codec.encode(writer, value);
  return writer.copy();
}

function readBack<T>(codec: Codec<T>, bytes: Uint8Array<ArrayBuffer>): T {
  reader.reset(bytes, new DataView(bytes.buffer), 0, bytes.length);
  const value = codec.decode(reader);
  assertEquals(reader.remaining, 0);
  return value;
}

/** Names of any bytes but NUL, at which a string would end. */
const text = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)),
  maxLength: 40,
});
const optionalText = fc.option(text, { nil: undefined });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const i64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });

const parameter: fc.Arbitrary<protocol.TypedParameter> = fc.oneof(
  fc.record({ field: text, type: fc.constantFrom("int" as const, "boolean" as const), value: i32 }),
  fc.record({ field: text, type: fc.constant("uint" as const), value: u32 }),
  fc.record({ field: text, type: fc.constant("double" as const), value: fc.double() }),
  fc.record({ field: text, type: fc.constant("llong" as const), value: i64 }),
  fc.record({ field: text, type: fc.constant("ullong" as const), value: u64 }),
  fc.record({ field: text, type: fc.constant("string" as const), value: text }),
);
const parameters = fc.array(parameter, { maxLength: 32 });
const client = fc.record({ server: text, id: u64, timestamp: i64, transport: u32 });
const server = fc.record({ server: text });
const flags = fc.record({ flags: u32 });
const serverAndFlags = fc.record({ server: text, flags: u32 });
const serverParametersAndFlags = fc.record({ server: text, parameters, flags: u32 });
const clientAndFlags = fc.record({ client, flags: u32 });
const setting = fc.record({ setting: optionalText, flags: u32 });
const empty = fc.constant(undefined);

function testCodec<T>(name: string, codec: Codec<T>, values: fc.Arbitrary<T>): void {
  Deno.test(`the codec of the ${name} decodes what it encodes`, () => {
    const property = fc.property(values, (value) => {
      assertEquals(readBack(codec, written(codec, value)), value);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
  });
}

function testProcedure<A, R>(
  name: string,
  { args, result }: protocol.Procedure<A, R>,
  someArgs: fc.Arbitrary<A>,
  someResults: fc.Arbitrary<R>,
): void {
  testCodec(`arguments of ${name}`, args, someArgs);
  testCodec(`result of ${name}`, result, someResults);
}

testProcedure("CONNECT_OPEN", protocol.CONNECT_OPEN, flags, empty);
testProcedure("CONNECT_CLOSE", protocol.CONNECT_CLOSE, empty, empty);
testProcedure("GET_LIB_VERSION", protocol.GET_LIB_VERSION, empty, fc.record({ version: u64 }));
testProcedure(
  "LIST_SERVERS",
  protocol.LIST_SERVERS,
  fc.record({ needResults: u32, flags: u32 }),
  fc.record({ servers: fc.array(text), total: u32 }),
);
testProcedure("LOOKUP_SERVER", protocol.LOOKUP_SERVER, serverAndFlags, server);
testProcedure("GET_THREADPOOL", protocol.GET_THREADPOOL, serverAndFlags, parameters);
testProcedure("SET_THREADPOOL", protocol.SET_THREADPOOL, serverParametersAndFlags, empty);
testProcedure(
  "LIST_CLIENTS",
  protocol.LIST_CLIENTS,
  fc.record({ server: text, needResults: u32, flags: u32 }),
  fc.record({ clients: fc.array(client), total: u32 }),
);
testProcedure(
  "LOOKUP_CLIENT",
  protocol.LOOKUP_CLIENT,
  fc.record({ server: text, id: u64, flags: u32 }),
  client,
);
testProcedure("GET_CLIENT_INFO", protocol.GET_CLIENT_INFO, clientAndFlags, parameters);
testProcedure("CLOSE_CLIENT", protocol.CLOSE_CLIENT, clientAndFlags, empty);
testProcedure("GET_CLIENT_LIMITS", protocol.GET_CLIENT_LIMITS, serverAndFlags, parameters);
testProcedure("SET_CLIENT_LIMITS", protocol.SET_CLIENT_LIMITS, serverParametersAndFlags, empty);
testProcedure(
  "GET_LOG_OUTPUTS",
  protocol.GET_LOG_OUTPUTS,
  flags,
  fc.record({ setting: text, count: u32 }),
);
testProcedure(
  "GET_LOG_FILTERS",
  protocol.GET_LOG_FILTERS,
  flags,
  fc.record({ setting: optionalText, count: u32 }),
);
testProcedure("SET_LOG_OUTPUTS", protocol.SET_LOG_OUTPUTS, setting, empty);
testProcedure("SET_LOG_FILTERS", protocol.SET_LOG_FILTERS, setting, empty);
testProcedure("UPDATE_TLS_FILES", protocol.UPDATE_TLS_FILES, serverAndFlags, empty);
testProcedure(
  "SET_DAEMON_TIMEOUT",
  protocol.SET_DAEMON_TIMEOUT,
  fc.record({ seconds: u32, flags: u32 }),
  empty,
);

Deno.test("a codec of strings takes 4 MiB and no byte more, both ways", () => {
  const longest = "s".repeat(STRING_MAX_BYTES);
  const bytes = written(string, longest);
  assertEquals(readBack(string, bytes).length, STRING_MAX_BYTES);
  assertThrows(() => written(string, `${longest}s`), XdrError);
  new DataView(bytes.buffer).setUint32(0, STRING_MAX_BYTES + 1);
  assertThrows(() => readBack(string, bytes), XdrError);
});

Deno.test("a codec of lists takes as many items as its limit, both ways", () => {
  const three = list(uint, 3);
  assertEquals(readBack(three, written(three, [7, 8, 9])), [7, 8, 9]);
  assertThrows(() => written(three, [1, 2, 3, 4]), XdrError);
  assertThrows(() => readBack(three, written(list(uint, 4), [1, 2, 3, 4])), XdrError);
});

Deno.test("a codec of lists takes no memory for items that are not there", () => {
  const bytes = written(uint, 0xffffffff);
  const many = list(uint, 0xffffffff);
  const before = Deno.memoryUsage().heapUsed;
  assertThrows(() => readBack(many, bytes), XdrError);
  assert(Deno.memoryUsage().heapUsed - before < 1_000_000);
});
