import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Manifest } from "../../src/host/manifest.ts";
import { allowedSyscalls } from "../../src/host/runtime_syscalls.ts";
import { daemonNames, loadManifest } from "../../tasks/daemons.ts";
import { run } from "../../tasks/toolchain.ts";
import {
  isService,
  type ServiceManifest,
  serviceUnit,
  socketUnit,
  units,
  writeUnits,
} from "../../tasks/unit.ts";
import { inFolder, testWith } from "./needs.ts";

/** The most exposure that a service may have, in the tenths that systemd-analyze takes; 100 is the worst. */
const MOST_EXPOSED: Readonly<Record<string, number>> = {
  virtlockd: 12,
  mdmpd: 15,
  cmannotifyd: 13,
  cmirrord: 19,
};

const all = await Promise.all((await daemonNames()).map(loadManifest));
/** Daemons that the service manager starts. */
const services = all.filter(isService);

async function loadService(name: string): Promise<ServiceManifest> {
  const manifest = await loadManifest(name);
  if (!isService(manifest)) throw new Error(`"${name}" has no unit`);
  return manifest;
}

/** A folder with a daemon's units and an executable where its service looks for one. */
async function withUnits(
  manifest: Manifest,
  body: (folder: string, paths: string[]) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, manifest.name), "#!/bin/sh\n", { mode: 0o755 });
    await body(folder, await writeUnits(manifest, folder, folder));
  });
}

async function analyze(...args: string[]): Promise<{ success: boolean; output: string }> {
  return await run("systemd-analyze", args, { env: { LC_ALL: "C" } });
}

function verify(paths: readonly string[]): Promise<{ success: boolean; output: string }> {
  return analyze("verify", "--man=no", "--generators=no", ...paths);
}

await testWith(["systemd-analyze"], "systemd finds no fault with any unit", async () => {
  for (const manifest of services) {
    await withUnits(manifest, async (_folder, paths) => {
      assertEquals((await verify(paths)).output, "");
    });
  }
});

await testWith(["systemd-analyze"], "systemd finds a fault that is there", async () => {
  const [manifest] = services;
  const hardening = [{ directive: "ProtectSystem=somewhat", why: "It is wrong." }];
  await withUnits(
    { ...manifest, unit: { ...manifest.unit, hardening } },
    async (_folder, paths) => {
      assertStringIncludes((await verify(paths)).output, "somewhat");
    },
  );
});

async function isExposedAtMost(most: number, unit: string): Promise<boolean> {
  const threshold = `--threshold=${most}`;
  return (await analyze("security", "--offline=true", "--no-pager", threshold, unit)).success;
}

await testWith(["systemd-analyze"], "every service is within its exposure", async () => {
  for (const manifest of services) {
    await withUnits(manifest, async (_folder, [service]) => {
      const most = MOST_EXPOSED[manifest.name];
      assertEquals(await isExposedAtMost(most, service), true, manifest.name);
      assertEquals(await isExposedAtMost(5, service), false, "a limit that nothing could keep");
    });
  }
});

const virtlockd = await loadService("virtlockd");

function directives(unit: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [, name, value] of unit.replaceAll("\\\n", "").matchAll(/^(\w+)=(.*)$/gm)) {
    found.set(name, [...found.get(name) ?? [], value.replace(/\s+/g, " ")]);
  }
  return found;
}

Deno.test("serviceUnit allows the manifest's capabilities and system calls, and no others", () => {
  const found = directives(serviceUnit(virtlockd));
  const capabilities = virtlockd.capabilities.map(({ name }) => name).join(" ");
  assertEquals(found.get("CapabilityBoundingSet"), [capabilities]);
  const calls = found.get("SystemCallFilter")?.flatMap((line) => line.split(" "));
  assertEquals(calls, [...allowedSyscalls(virtlockd), "clone3"].sort());
  assertEquals(found.get("SystemCallErrorNumber"), ["EPERM"]);
});

Deno.test("serviceUnit leaves other calls deadly where the manifest wants them to be", () => {
  const found = directives(serviceUnit({ ...virtlockd, otherSyscalls: "kill" }));
  assertEquals(found.has("SystemCallErrorNumber"), false);
});

Deno.test("serviceUnit takes the manifest's word over its own", () => {
  const hardening = [{ directive: "ProtectClock=no", why: "It sets the clock." }];
  const found = directives(
    serviceUnit({ ...virtlockd, unit: { ...virtlockd.unit, hardening } }),
  );
  assertEquals(found.get("ProtectClock"), ["no"]);
});

Deno.test("serviceUnit says why for each of the manifest's directives", () => {
  const text = serviceUnit(virtlockd).replaceAll("\n# ", " ");
  for (const { directive, why } of virtlockd.unit.hardening) {
    assertStringIncludes(text, `${why}\n${directive}\n`);
  }
});

Deno.test("serviceUnit of virtlockd hides no place where a disk may be", () => {
  const found = directives(serviceUnit(virtlockd));
  const bound = (found.get("BindPaths") ?? []).flatMap((line) => line.split(" "));
  assertEquals(found.get("PrivateTmp"), ["no"]);
  if (found.get("ProtectHome")?.[0] !== "no") {
    assertEquals(["-/home", "-/root"].filter((path) => !bound.includes(path)), []);
  }
  if (found.get("PrivateDevices")?.[0] !== "no") assertEquals(bound.includes("/dev"), true);
  assertEquals(found.get("DeviceAllow"), ["block-* rw"]);
  assertEquals(found.get("ProtectSystem"), ["full"]);
  for (
    const hiding of ["InaccessiblePaths", "TemporaryFileSystem", "RootDirectory", "MountFlags"]
  ) {
    assertEquals(found.has(hiding), false, hiding);
  }
});

Deno.test("socketUnit has the name and the mode that the daemon and libvirtd expect", () => {
  const [first, second] = virtlockd.sockets;
  assertMatch(socketUnit(virtlockd, first), /^ListenStream=\/run\/libvirt\/virtlockd-sock$/m);
  assertMatch(socketUnit(virtlockd, first), /^SocketMode=0600$/m);
  assertEquals(directives(socketUnit(virtlockd, first)).has("BindsTo"), false);
  assertEquals(directives(socketUnit(virtlockd, second)).get("BindsTo"), ["virtlockd.socket"]);
});

Deno.test("units names every file of a daemon", () => {
  const files = ["virtlockd.service", "virtlockd.socket", "virtlockd-admin.socket"];
  assertEquals([...units(virtlockd).keys()], files);
});

Deno.test("units of a daemon with a helper are the daemon's, and the helper's for each connection", async () => {
  const manifest = await loadService("cmannotifyd");
  const found = units(manifest, "/opt");
  const helper = "cmannotifyd-scripts";
  assertEquals([...found.keys()], [
    "cmannotifyd.service",
    `${helper}.socket`,
    `${helper}@.service`,
  ]);
  const [daemon, socket, service] = [...found.values()].map(directives);
  const path = manifest.unit.helper?.path;
  const start = `/opt/cmannotifyd --runner-socket=${path} $CMANNOTIFYD_ARGS`;
  assertEquals(daemon.get("ExecStart"), [start]);
  assertEquals(daemon.get("Requires"), [`${helper}.socket`]);
  // Any one of them is enough (systemd.unit(5)).
  assertEquals(daemon.get("ConditionDirectoryNotEmpty"), ["|/etc/cluster/cman-notify.d"]);
  assertEquals(daemon.get("ConditionPathExists"), ["|/usr/sbin/cman_notify", "|/sbin/cman_notify"]);
  assertEquals(socket.get("ListenSequentialPacket"), [path]);
  assertEquals(socket.get("Accept"), ["yes"]);
  assertEquals(service.get("ExecStart"), ["/opt/cmannotifyd @runner"]);
  assertEquals(service.get("Before"), ["cmannotifyd.service"]);
  // Else systemd keeps each that has failed until `systemctl reset-failed`.
  assertEquals(service.get("CollectMode"), ["inactive-or-failed"]);
  for (const name of ["NoNewPrivileges", "CapabilityBoundingSet", "SystemCallFilter"]) {
    assertEquals([daemon.has(name), service.has(name)], [true, false], name);
  }
});

Deno.test("units of a helper that shares the daemon's arguments has them from where the daemon has them", async () => {
  const manifest = await loadService("mdmpd");
  const [daemon, socket, service] = [...units(manifest, "/opt").values()].map(directives);
  const path = manifest.unit.helper?.path;
  assertEquals(daemon.get("ExecStart"), [`/opt/mdmpd --event-socket=${path} $MDMPD_ARGS`]);
  assertEquals(service.get("ExecStart"), ["/opt/mdmpd @events $MDMPD_ARGS"]);
  assertEquals(service.get("EnvironmentFile"), daemon.get("EnvironmentFile"));
  assertEquals(socket.get("SocketMode"), ["0600"]);
});

Deno.test("units let a daemon go on without a helper that is optional", async () => {
  const [daemon] = [...units(await loadService("mdmpd")).values()].map(directives);
  assertEquals(daemon.get("Wants"), ["mdmpd-events.socket"]);
  assertEquals(daemon.get("After"), ["mdmpd-events.socket"]);
  assertEquals(daemon.has("Requires"), false);
});

Deno.test("units has none for a daemon that others start", async () => {
  assertEquals([...units(await loadManifest("dmfilemapd"))], []);
});

Deno.test("serviceUnit starts a daemon without sockets with the system", () => {
  const unit = serviceUnit({ ...virtlockd, sockets: [] });
  assertMatch(unit, /^WantedBy=multi-user\.target$/m);
});
