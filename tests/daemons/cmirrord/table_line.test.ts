import { assertEquals } from "@std/assert";
import {
  deviceNumber,
  nodePaths,
  parseDeviceNumber,
} from "../../../daemons/cmirrord/log_device.ts";
import { type MirrorPlan, planProblems, tableLine } from "../../../daemons/cmirrord/table_line.ts";

const leg = (device: string, sizeSectors = 40_960): MirrorPlan["legs"][number] => ({
  device,
  offsetSectors: 0,
  sizeSectors,
});

const plan: MirrorPlan = {
  uuid: "LVM-shared",
  legs: [leg("254:0"), leg("254:16")],
  log: { device: "253:0", sizeBytes: 4_096 },
  regionSectors: 1_024,
  lengthSectors: undefined,
  sync: "sync",
  handleErrors: false,
  integratedFlush: false,
};

Deno.test("tableLine has the words of a table that the kernel has shown", () => {
  assertEquals(
    tableLine(plan),
    "0 40960 mirror userspace 5 LVM-shared clustered-disk 253:0 1024 sync 2 254:0 0 254:16 0",
  );
});

Deno.test("tableLine of a log in memory has a word less, and features at the end", () => {
  assertEquals(
    tableLine({ ...plan, log: undefined, sync: "default", handleErrors: true }),
    "0 40960 mirror userspace 3 LVM-shared clustered-core 1024 2 254:0 0 254:16 0 1 handle_errors",
  );
});

Deno.test("tableLine has integrated_flush behind the uuid, and counts it", () => {
  assertEquals(
    tableLine({ ...plan, integratedFlush: true }),
    "0 40960 mirror userspace 6 LVM-shared integrated_flush clustered-disk 253:0 1024 sync 2 254:0 0 254:16 0",
  );
});

Deno.test("tableLine is as long as the shortest leg, or as it is told", () => {
  const uneven = { ...plan, legs: [leg("254:0"), leg("254:16", 20_480)] };
  assertEquals(tableLine(uneven).split(" ")[1], "20480");
  assertEquals(tableLine({ ...plan, lengthSectors: 2_048 }).split(" ")[1], "2048");
});

const bad: readonly [string, Partial<MirrorPlan>][] = [
  ["no uuid", { uuid: "" }],
  ["a space in the uuid", { uuid: "LVM shared" }],
  ["a uuid of 129 bytes", { uuid: "x".repeat(129) }],
  ["one leg", { legs: [leg("254:0")] }],
  ["a leg twice", { legs: [leg("254:0"), leg("254:0")] }],
  ["a leg that is too short", {
    legs: [leg("254:0"), leg("254:16", 20_480)],
    lengthSectors: 40_960,
  }],
  ["a region that is no power of two", { regionSectors: 1_000 }],
  ["a region below a page", { regionSectors: 4 }],
  ["a region longer than the mirror", { regionSectors: 65_536 }],
  ["a log device without room", { log: { device: "253:0", sizeBytes: 1_024 } }],
];
for (const [what, part] of bad) {
  Deno.test(`planProblems finds ${what}, and nothing else`, () => {
    assertEquals(planProblems({ ...plan, ...part }).length, 1);
  });
}

Deno.test("planProblems finds no fault with a good plan", () => {
  assertEquals(planProblems(plan), []);
});

Deno.test("planProblems takes a log device that is just long enough", () => {
  assertEquals(planProblems({ ...plan, log: { device: "253:0", sizeBytes: 1_024 + 5 } }), []);
});

Deno.test("parseDeviceNumber takes numbers only", () => {
  assertEquals(parseDeviceNumber("253:17"), { major: 253, minor: 17 });
  for (const text of ["/dev/sda", "253:", ":1", "253:1 ", "a:b", "99999:1"]) {
    assertEquals(parseDeviceNumber(text), undefined, text);
  }
});

Deno.test("deviceNumber puts together the halves of a minor number", () => {
  assertEquals(deviceNumber(0x0010_fd03), { major: 253, minor: 259 });
});

Deno.test("nodePaths names udev's link, device-mapper's and the kernel's", () => {
  assertEquals(nodePaths({ major: 253, minor: 0 }, "log", "MAJOR=253\nDEVNAME=dm-0\n"), [
    "/dev/block/253:0",
    "/dev/mapper/log",
    "/dev/dm-0",
  ]);
});
