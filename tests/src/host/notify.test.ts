import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { DatagramServer } from "./datagrams.ts";

Deno.test("notifyManager tells nobody, and does not throw, where there is no descriptor left", async () => {
  using manager = new DatagramServer();
  const script = new URL("notify_without_descriptors.ts", import.meta.url).pathname;
  const run = [Deno.execPath(), "run", "-A", script, manager.path];
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'ulimit -n 256; exec "$@"', "sh", ...run],
  }).output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stdout), "true false true\n", decoder.decode(stderr));
  assertEquals(decoder.decode(manager.next()), "READY=1");
  assertEquals(manager.next(), undefined);
});
