import { assertEquals } from "@std/assert";
import { Aio, BLOCK_BYTES, DirectBuffer } from "../../ffi/aio.ts";
import { EBADF } from "../../ffi/errno.ts";
import { closeDescriptor, O_CREAT, O_RDWR, openFile } from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";

const WAIT_MS = 30_000;

async function withFile(body: (fd: number, path: string) => void): Promise<void> {
  const path = await Deno.makeTempFile();
  const fd = openFile(cString(path), O_RDWR | O_CREAT, 0o600);
  try {
    body(fd, path);
  } finally {
    closeDescriptor(fd);
    await Deno.remove(path);
  }
}

Deno.test("Aio writes a part of a buffer to its place, and reads it back", {
  sanitizeResources: false,
}, () =>
  withFile((fd, path) => {
    const aio = new Aio(4);
    const buffer = new DirectBuffer(3);
    buffer.bytes.fill(1).fill(2, BLOCK_BYTES);
    const part = { fd, buffer, at: BLOCK_BYTES, length: 2 * BLOCK_BYTES, offset: BLOCK_BYTES };
    assertEquals(aio.submit({ ...part, kind: "write", tag: 5 }), 0);
    assertEquals(aio.wait(WAIT_MS), [{ tag: 5, result: 2 * BLOCK_BYTES }]);
    const content = Deno.readFileSync(path);
    assertEquals([content.length, content[0], content[BLOCK_BYTES]], [3 * BLOCK_BYTES, 0, 2]);
    buffer.bytes.fill(0);
    assertEquals(aio.submit({ ...part, kind: "read", at: 0, length: BLOCK_BYTES, tag: 6 }), 0);
    assertEquals(aio.wait(WAIT_MS), [{ tag: 6, result: BLOCK_BYTES }]);
    assertEquals([buffer.bytes[0], buffer.bytes[BLOCK_BYTES]], [2, 0]);
    aio.close();
  }));

Deno.test("Aio tells what cannot be begun", { sanitizeResources: false }, () => {
  const aio = new Aio(4);
  const buffer = new DirectBuffer(1);
  const nowhere = { fd: 1_000_000, offset: 0 };
  const transfer = { kind: "write", buffer, at: 0, length: BLOCK_BYTES, tag: 1 } as const;
  assertEquals(aio.submit({ ...transfer, ...nowhere }), -EBADF);
  aio.close();
});
