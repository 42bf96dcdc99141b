/** Becoming another program: what happens when that does not come about. */
import { assertEquals } from "@std/assert";
import { ENOENT } from "../../../ffi/errno.ts";
import { closeDescriptor, duplicate, isClosedOnExec } from "../../../ffi/file.ts";
import { type Replacement, replaceProgram } from "../../../src/host/reexec.ts";

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
