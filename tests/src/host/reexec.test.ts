/** Becoming another program: what happens when that does not come about. */
import { assertEquals, assertThrows } from "@std/assert";
import { EACCES, ENOENT, Errno } from "../../../ffi/errno.ts";
import { closeDescriptor, duplicate, isClosedOnExec } from "../../../ffi/file.ts";
import { programKind, type Replacement, replaceProgram } from "../../../src/host/reexec.ts";

/** An attempt to become that program, as one that is not ours; with a descriptor that it is to get. */
function attempt(path: string, isCalledOff: () => boolean): { code: number; closed: unknown } {
  const fd = duplicate(2);
  const replacement: Replacement = {
    program: { calledAs: path, path, args: [], environment: new Map() },
    kind: "other",
    descriptors: [fd],
    signals: [],
    losable: [],
    isCalledOff,
  };
  const code = replaceProgram(replacement);
  const closed = isClosedOnExec(fd);
  closeDescriptor(fd);
  return { code, closed };
}

// asm-generic/errno-base.h
const EISDIR = 21;

/** libc stays loaded. */
const options = { sanitizeResources: false };

// Were it executed, it would end the test with a failure.
Deno.test("replaceProgram leaves all as it was when it is called off", options, () => {
  assertEquals(attempt("/bin/false", () => true), { code: 0, closed: true });
});

Deno.test("replaceProgram asks, and tells why the kernel refused", options, () => {
  let asked = 0;
  const result = attempt("/nonexistent", () => ++asked === 0);
  assertEquals({ ...result, asked }, { code: -ENOENT, closed: true, asked: 1 });
});

/** What is found in the place of a program that holds this text. */
function kindOf(text: string, mode = 0o755): string {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, text);
    Deno.chmodSync(path, mode);
    return programKind(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test(
  "programKind knows ours by the trailer of deno compile, which is 24 bytes from the end",
  options,
  () => {
    assertEquals(kindOf(`program ${"d3n0l4nd".padEnd(24, ".")}`), "ours");
    assertEquals(kindOf("d3n0l4nd".padEnd(24, ".")), "ours");
    assertEquals(kindOf(`program ${"d3n0l4nd".padEnd(25, ".")}`), "other");
    assertEquals(kindOf("#!/bin/sh\n"), "other");
    assertEquals(kindOf(""), "other");
  },
);

Deno.test(
  "programKind takes no program that is missing, not executable or not readable for another one",
  options,
  () => {
    const code = (run: () => void): number => assertThrows(run, Errno).code;
    assertEquals(code(() => programKind("/nonexistent")), ENOENT);
    assertEquals(code(() => kindOf("#!/bin/sh\n", 0o644)), EACCES);
    // A folder can be opened, and fails only when it is read; its size may be that of a program.
    const folder = Deno.makeTempDirSync();
    for (let i = 0; i < 30; i++) Deno.writeTextFileSync(`${folder}/${i}`, "");
    assertEquals(code(() => programKind(folder)), EISDIR);
    Deno.removeSync(folder, { recursive: true });
  },
);
