import "../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { EAGAIN, EPIPE } from "../../ffi/errno.ts";
import { closeDescriptor, readDescriptor } from "../../ffi/file.ts";
import { PIPE_BUF, pollDescriptor, POLLIN, writeWithoutWaiting } from "../../ffi/poll.ts";
import { makePipe } from "../../ffi/process.ts";

Deno.test("pollDescriptor waits as long as it is told, and sees what is there", () => {
  const { read, write } = makePipe();
  const began = performance.now();
  assertEquals(pollDescriptor(read, POLLIN, 30), 0);
  assertEquals(performance.now() - began >= 25, true);
  assertEquals(writeWithoutWaiting(write, new Uint8Array([1])), 1);
  assertEquals(pollDescriptor(read, POLLIN, 1_000), POLLIN);
  closeDescriptor(read);
  closeDescriptor(write);
});

Deno.test("writeWithoutWaiting fills a pipe and then says EAGAIN", () => {
  const { read, write } = makePipe();
  const bytes = new Uint8Array(2 * PIPE_BUF);
  let count = 0;
  let total = 0;
  while ((count = writeWithoutWaiting(write, bytes)) > 0) total += count;
  assertEquals(count, -EAGAIN);
  assertEquals(total, 65_536);
  assertEquals(readDescriptor(read, bytes), bytes.length);
  assertEquals(writeWithoutWaiting(write, bytes), PIPE_BUF);
  closeDescriptor(read);
  assertEquals(writeWithoutWaiting(write, bytes), -EPIPE);
  closeDescriptor(write);
  assertEquals(writeWithoutWaiting(write, bytes), -EPIPE);
});
