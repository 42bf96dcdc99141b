import { assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { compileCalls, LibraryError, openLibrary } from "../../ffi/open.ts";

/** Small, large and negative numbers, addresses, and arguments that no register is left for. */
const symbols = {
  abs: { parameters: ["i32"], result: "i32" },
  llabs: { parameters: ["i64"], result: "i64" },
  strchr: { parameters: ["buffer", "i32"], result: "usize" },
  getppid: { parameters: [], result: "i32" },
  snprintf: {
    parameters: ["buffer", "usize", "buffer", "i32", "i32", "i32", "i32", "i32", "i32"],
    result: "i32",
  },
} as const;

const FORMAT = new TextEncoder().encode("%d %d %d %d %d %d\0");

/** What a few calls answer. */
function answers(c: ReturnType<typeof openLibrary<typeof symbols>>): unknown[] {
  const text = new Uint8Array(64);
  const length = c.snprintf(text, 64n, FORMAT, 1, -2, 3, -4, 5, -6);
  return [
    c.abs(-7),
    c.llabs(-(2n ** 40n)),
    c.strchr(FORMAT, "!".charCodeAt(0)),
    c.getppid(),
    new TextDecoder().decode(text.subarray(0, length)),
  ];
}

const EXPECTED = [7, 2n ** 40n, 0n, Deno.ppid, "1 -2 3 -4 5 -6"];

// A library stays open for as long as the program runs.
const options = { sanitizeResources: false };

Deno.test(
  "openLibrary's functions get what they are given, whether or not a trampoline is compiled for them",
  options,
  () => {
    const names = Object.keys(symbols) as (keyof typeof symbols)[];
    const c = openLibrary("libc.so.6", symbols, { often: names });
    assertEquals(answers(c), EXPECTED);
    const { abs } = c;
    compileCalls();
    assertEquals(answers(c), EXPECTED);
    assertNotStrictEquals(c.abs, abs);
    assertEquals(abs(-8), 8);
  },
);

Deno.test("openLibrary binds together what it is told to, and each function once", options, () => {
  const c = openLibrary("libc.so.6", symbols, { together: ["abs", "getppid"] });
  assertEquals(c.abs(-7), 7);
  assertStrictEquals(c.getppid, c.getppid);
  assertStrictEquals(c.llabs, c.llabs);
  assertEquals(answers(c), EXPECTED);
});

Deno.test(
  "openLibrary's functions throw when the library lacks them, and the others work",
  options,
  () => {
    const missing = { parameters: [], result: "void" } as const;
    const c = openLibrary("libc.so.6", { ...symbols, no_such_function: missing });
    assertThrows(() => c.no_such_function(), LibraryError, "no_such_function");
    assertEquals(answers(c), EXPECTED);
    const absent = openLibrary("libnone.so.1", { missing });
    assertThrows(() => absent.missing(), LibraryError, "install the package");
  },
);
