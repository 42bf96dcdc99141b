import { assertEquals, assertThrows } from "@std/assert";
import { Errno } from "../../ffi/errno.ts";
import { mapFile, releaseMemory } from "../../ffi/shared_memory.ts";

const options = { sanitizeResources: false };

async function inFolder(body: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test(
  "mapFile gives bytes that are in the file at once, and there for the next one",
  options,
  () =>
    inFolder((folder) => {
      const path = `${folder}/state`;
      const first = mapFile(path, 10_000, 0o600);
      assertEquals(first.bytes.length, 10_000);
      assertEquals(first.bytes.every((byte) => byte === 0), true);
      first.bytes[9_999] = 7;
      assertEquals(Deno.readFileSync(path)[9_999], 7);
      assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
      const second = mapFile(path, 10_000, 0o600);
      assertEquals(second.bytes[9_999], 7);
      second.bytes[0] = 1;
      assertEquals(first.bytes[0], 1);
      releaseMemory(first);
      releaseMemory(second);
    }),
);

Deno.test(
  "releaseMemory leaves zeros that can be written without harm",
  options,
  () =>
    inFolder((folder) => {
      const path = `${folder}/state`;
      const memory = mapFile(path, 4_096, 0o600);
      memory.bytes.fill(9);
      releaseMemory(memory);
      assertEquals([memory.bytes[0], memory.bytes[4_095]], [0, 0]);
      memory.bytes[0] = 5;
      assertEquals(Deno.readFileSync(path)[0], 9);
    }),
);

Deno.test("mapFile names the path that it cannot open", options, () => {
  assertThrows(() => mapFile("/nowhere/state", 4_096, 0o600), Errno, "/nowhere/state");
});
