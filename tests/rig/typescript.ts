/** A scenario in TypeScript: the guest runs it by the host's Deno, with the checkout's modules */
// rig: disk=data:64M limit=90
import { assertEquals } from "@std/assert";
import {
  check,
  equal,
  eventually,
  figure,
  node,
  note,
  output,
  sh,
} from "../../tasks/rig/guest/guest.ts";

note(sh("uname -r"));
equal("node is this node", 1, node);
equal("arguments and environment come through", ["a b", "it's", "c"], [
  ...Deno.args,
  Deno.env.get("GREETING"),
]);
sh('dmsetup create whole --table "0 1000 linear /dev/rig/data 0"');
const disk = sh("cat /sys/class/block/$(basename $(readlink /dev/rig/data))/dev");
equal("sh returns what a program printed", `0 1000 linear ${disk} 0`, sh("dmsetup table whole"));
assertEquals(1, 1);
check(
  "a device is there eventually",
  await eventually(5, () => sh("ls /dev/mapper").includes("whole")),
);

const began = performance.now();
Deno.writeTextFileSync("/etc/written", "to memory");
figure("a file written", performance.now() - began, "ms");
equal("the host's root can be written", "to memory", Deno.readTextFileSync("/etc/written"));
Deno.writeTextFileSync(`${output}/report`, "done");
