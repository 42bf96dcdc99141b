import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  allScenarios,
  defaultPlan,
  loadScenario,
  parseDisk,
  parsePlan,
  parseSize,
  scenarioFolder,
  scenarioName,
} from "../../../tasks/rig/scenario.ts";

Deno.test("parsePlan takes its words from comments of shell and of TypeScript", () => {
  const plan = parsePlan(`#!/bin/sh
# What it does
# rig: nodes=2 disk=a:64M disk=b:1G
// rig: shared=c:8K  memory=1G cpus=1
# rig: limit=30 needs=fio needs=mdadm daemon=virtlockd init=systemd
echo "# rig: nodes=9"
`);
  assertEquals(plan, {
    nodes: 2,
    disks: [{ name: "a", bytes: 2 ** 26 }, { name: "b", bytes: 2 ** 30 }],
    shared: [{ name: "c", bytes: 8192 }],
    memoryMiB: 1024,
    cpus: 1,
    limitSeconds: 30,
    needs: ["fio", "mdadm"],
    daemons: ["virtlockd"],
    systemd: true,
  });
  assertEquals(parsePlan("echo"), defaultPlan);
});

Deno.test("parsePlan refuses what it does not know", () => {
  for (
    const word of [
      "nodes=4",
      "nodes=0",
      "nodes",
      "cpus=x",
      "node=1",
      "disk=a",
      "memory=1",
      "init=sysv",
    ]
  ) {
    assertThrows(() => parsePlan(`# rig: ${word}`), Error, undefined, word);
  }
});

Deno.test("parseDisk refuses a name that is longer than virtio-blk's serial number", () => {
  assertEquals(parseDisk(`${"x".repeat(20)}:1M`).bytes, 2 ** 20);
  assertThrows(() => parseDisk(`${"x".repeat(21)}:1M`), Error, "is not NAME:SIZE");
  assertThrows(() => parseSize("64"), Error, "no size");
});

Deno.test("loadScenario finds a scenario by name and by path", async () => {
  const { path, summary } = await loadScenario("two_nodes");
  assertEquals(path, `${scenarioFolder}/two_nodes.sh`);
  assertEquals(summary, "Two nodes reach each other and share a disk");
  assertEquals((await loadScenario("tests/rig/two_nodes.sh")).path, path);
  assertEquals((await loadScenario(path)).path, path);
  await assertRejects(() => loadScenario("two_nodes.test"), Error, "no scenario");
});

Deno.test("every scenario has a summary, and a test that runs it", async () => {
  const scenarios = await allScenarios();
  const tests = await testTexts();
  assertEquals(scenarios.length >= 3, true);
  for (const scenario of scenarios) {
    assertEquals(scenario.summary === "", false, scenario.path);
    assertEquals(tests.includes(`"${scenarioName(scenario)}"`), true, scenario.path);
  }
});

/** All test files of tests/rig in one. */
async function testTexts(): Promise<string> {
  const files = await Array.fromAsync(Deno.readDir(scenarioFolder));
  const tests = files.map(({ name }) => name).filter((name) => name.endsWith(".test.ts"));
  const texts = tests.map((name) => Deno.readTextFile(`${scenarioFolder}/${name}`));
  return (await Promise.all(texts)).join("\n");
}
