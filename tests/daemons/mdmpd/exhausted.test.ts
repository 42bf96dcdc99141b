/** What is not seen for want of descriptors is not gone. */
import "../../bind_libc.ts";
import { assertEquals, assertThrows } from "@std/assert";
import type { MdstatFile } from "../../../daemons/mdmpd/effects/mdstat_file.ts";
import { Observer } from "../../../daemons/mdmpd/effects/observer.ts";
import { readAttribute } from "../../../daemons/mdmpd/effects/sysfs.ts";
import { Errno } from "../../../ffi/errno.ts";
import { systemCall } from "../../../ffi/system_call.ts";

/** sys/resource.h */
const RLIMIT_NOFILE = 7;
const TEXT = `Personalities : [multipath]
md4095 : active multipath sda[0] sdb[1]
      1024 blocks [2/2] [UU]

unused devices: <none>
`;

/** Does something while this process may open nothing. */
function withoutDescriptors(body: () => void): void {
  const limits = new BigUint64Array(2);
  const bytes = new Uint8Array(limits.buffer);
  assertEquals(systemCall("prlimit64", 0, RLIMIT_NOFILE, 0, bytes), 0);
  const none = new Uint8Array(BigUint64Array.of(0n, limits[1]).buffer);
  assertEquals(systemCall("prlimit64", 0, RLIMIT_NOFILE, none, 0), 0);
  try {
    body();
  } finally {
    systemCall("prlimit64", 0, RLIMIT_NOFILE, bytes, 0);
  }
}

Deno.test("readAttribute tells a file that is not there from one that it cannot open now", () => {
  assertEquals(typeof readAttribute("/proc/self/stat"), "string");
  assertEquals(readAttribute("/proc/self/none"), undefined);
  withoutDescriptors(() => {
    assertThrows(() => readAttribute("/proc/self/stat"), Errno, "Too many open files");
  });
});

Deno.test("Observer says nothing of arrays while it cannot look at them, and looks again", () => {
  const file = { read: () => ({ text: TEXT }) } as unknown as MdstatFile;
  const observer = new Observer(file, new Set(["multipath"]));
  const look = (): unknown[] => [observer.look(new Set()), observer.isReadable, observer.trouble];
  assertEquals(look(), [[], true, ""], "this machine has no such array");
  withoutDescriptors(() => {
    const trouble = "arrays cannot be looked at: Too many open files";
    assertEquals(look(), [undefined, false, trouble]);
  });
  assertEquals(look(), [[], true, ""]);
});
