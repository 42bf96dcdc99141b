/** The Debian packages are installed beside libvirt's, upgraded and purged, in a Debian of their own. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { build } from "../../../tasks/build.ts";
import { daemonNames, loadManifest } from "../../../tasks/daemons.ts";
import { debianMetaPackage, debianPackage } from "../../../tasks/package/debian.ts";
import { diversions } from "../../../tasks/package/debian_diversions.ts";
import type { PackageRun } from "../../../tasks/package/facts.ts";
import { hostTarget } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../needs.ts";
import { DebianRoot } from "./debian_root.ts";

const daemons = await daemonNames();
const own = daemons.map((name) => `hostkeep-${name}`).join(" ");
const virtlockd = diversions(await loadManifest("virtlockd"));

/** What libvirt's packages have where ours have something, with its sums and links. */
const ofLibvirt = `sha256sum ${
  virtlockd.map(([path]) => path).join(" ")
} /etc/libvirt/virtlockd.conf &&
  readlink /etc/systemd/system/sockets.target.wants/virtlockd*`;

/** Every path that has a name of ours in it. */
const named = `find /etc /usr /var/lib -xdev | grep -E '${
  daemons.join("|")
}|hostkeep' | LC_ALL=C sort`;

/** Packs all daemons, of which `program` gives the executable. */
async function packAll(
  folder: string,
  version: string,
  program: (name: string) => string | Promise<string>,
): Promise<void> {
  await Deno.mkdir(folder);
  const settings: PackageRun = {
    release: { version, epoch: 1_700_000_000 },
    compression: "none",
    output: folder,
  };
  for (const name of daemons) {
    await debianPackage(await loadManifest(name), await program(name), hostTarget(), settings);
  }
  await debianMetaPackage(daemons, settings);
}

/** Runs a script that must end well, and returns what it printed. */
async function done(debian: DebianRoot, script: string): Promise<string> {
  const { success, output } = await debian.shell(script);
  assertEquals(success, true, `${script}: ${output}`);
  return output;
}

async function installed(debian: DebianRoot): Promise<void> {
  await done(debian, "dpkg -i /run/packages/old/*.deb");
  for (const name of daemons) {
    assertMatch(await done(debian, `/usr/sbin/${name} --version`), /\b\d+\.\d+\.\d+/);
  }
  assertMatch(await done(debian, "/usr/sbin/cmannotifyd --version"), /hostkeep/);
  assertEquals(
    await done(
      debian,
      `dpkg --audit && dpkg --verify hostkeep && for one in ${own}; do dpkg --verify $one; done`,
    ),
    "",
  );
}

async function unitsAreOurs(debian: DebianRoot): Promise<void> {
  const wanted = "readlink /etc/systemd/system/multi-user.target.wants/";
  for (const name of ["cmannotifyd", "cmirrord", "mdmpd"]) {
    assertEquals(
      await done(debian, `${wanted}${name}.service`),
      `/lib/systemd/system/${name}.service\n`,
    );
  }
  assertMatch(await done(debian, "cat /lib/systemd/system/virtlockd.service"), /^Type=notify$/m);
  const services = "virtlockd.service cmannotifyd.service cmirrord.service mdmpd.service";
  assertEquals(await done(debian, `systemd-analyze verify --man=no ${services}`), "");
}

async function upgraded(debian: DebianRoot): Promise<void> {
  await done(debian, "echo 'quorum = 0' >> /etc/cmirrord.conf && touch /var/log/cluster/mine");
  await done(debian, "SYSTEMD_OFFLINE=1 systemctl --quiet disable mdmpd.service");
  await done(debian, "dpkg -i /run/packages/new/*.deb");
  assertEquals(await done(debian, "tail -n 1 /etc/cmirrord.conf"), "quorum = 0\n");
  const enabled = await done(debian, "ls /etc/systemd/system/multi-user.target.wants");
  assertEquals([/cmirrord/.test(enabled), /mdmpd/.test(enabled)], [true, false]);
  const versions = await done(debian, `dpkg-query -W -f '\${Version} ' hostkeep ${own}`);
  assertEquals(versions, "0.1.1-1 ".repeat(daemons.length + 1));
}

async function purged(debian: DebianRoot): Promise<void> {
  await done(debian, "touch /var/log/cluster/cmannotifyd.log /var/log/cluster/cman_notify.log");
  await done(debian, `dpkg -P hostkeep ${own}`);
  assertEquals(await done(debian, "ls /var/log/cluster"), "mine\n");
}

const NAME = "packages are installed, upgraded and purged, and leave libvirt's files as they were";
const PROGRAMS = [
  "dpkg-deb",
  "unshare",
  "nsenter",
  "deb-systemd-helper",
  "systemd-analyze",
  "virtlockd",
];

async function lifeOfPackages(): Promise<void> {
  await inFolder(async (folder) => {
    const packages = join(folder, "packages");
    await Deno.mkdir(packages);
    await packAll(join(packages, "old"), "0.1.0", build);
    // What an upgrade does is up to the scripts: any program will do.
    await packAll(join(packages, "new"), "0.1.1", () => "/usr/bin/true");
    await Deno.mkdir(join(folder, "debian"));
    await using debian = await DebianRoot.on(join(folder, "debian"), packages);
    await done(debian, "rm -rf /var/log/cluster && mkdir -p /var/log/cluster");
    const before = [await done(debian, ofLibvirt), await done(debian, named)];
    await installed(debian);
    await unitsAreOurs(debian);
    await upgraded(debian);
    await purged(debian);
    assertEquals([await done(debian, ofLibvirt), await done(debian, named)], before);
  });
}

if (Deno.uid() === 0) await testWith(PROGRAMS, NAME, lifeOfPackages);
else {
  console.log(`SKIPPED ${NAME}: needs root`);
  Deno.test({ name: NAME, ignore: true, fn: lifeOfPackages });
}
