/** The RPM packages are installed beside the originals, upgraded and erased, in a system of their own. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { build } from "../../../tasks/build.ts";
import { daemonNames, loadManifest } from "../../../tasks/daemons.ts";
import type { PackageRun } from "../../../tasks/package/facts.ts";
import { rpmMetaPackage, rpmPackage } from "../../../tasks/package/rpm.ts";
import { hostTarget } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../needs.ts";
import { DebianRoot } from "./debian_root.ts";

const daemons = await daemonNames();
const own = daemons.map((name) => `hostkeep-${name}`).join(" ");

/** The original that Debian has, which nothing of ours may touch. */
const ORIGINAL =
  "sha256sum /usr/sbin/virtlockd /lib/systemd/system/virtlockd*.s*t /lib/systemd/system/virtlockd.service";

/** Every path that has a name of ours in it. */
const NAMED = `find /etc /usr -xdev | grep -E '${daemons.join("|")}|hostkeep' | LC_ALL=C sort`;

/** --nodeps: what they need is here as Debian's packages, of which RPM knows nothing. */
const RPM = "rpm --force-debian --nodeps";

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
    await rpmPackage(await loadManifest(name), await program(name), hostTarget(), settings);
  }
  await rpmMetaPackage(daemons, settings);
}

/** Runs a script that must end well, and returns what it printed. */
async function done(system: DebianRoot, script: string): Promise<string> {
  const { success, output } = await system.shell(script);
  assertEquals(success, true, `${script}: ${output}`);
  return output;
}

async function installed(system: DebianRoot): Promise<void> {
  await done(system, `${RPM} --install /run/packages/old/*.rpm`);
  assertEquals(await done(system, `rpm --verify --nodeps hostkeep ${own}`), "");
  for (const program of ["/usr/sbin/mdmpd", "/usr/libexec/hostkeep/virtlockd"]) {
    assertMatch(await done(system, `${program} --version`), /\b\d+\.\d+\.\d+/);
  }
}

/** What systemd makes of the original's unit with ours behind it, and of the others. */
async function unitsAreOurs(system: DebianRoot): Promise<void> {
  const security = "systemd-analyze security --offline=true --no-pager virtlockd.service";
  assertMatch(await done(system, security), /Overall exposure level for virtlockd.service: 1\.2 /);
  const services = "virtlockd.service cmannotifyd.service cmirrord.service mdmpd.service";
  assertEquals(await done(system, `systemd-analyze verify --man=no ${services}`), "");
}

async function upgraded(system: DebianRoot): Promise<void> {
  await done(system, "echo 'quorum = 0' >> /etc/cmirrord.conf");
  await done(system, `${RPM} --upgrade /run/packages/new/*.rpm`);
  assertEquals(await done(system, "tail -n 1 /etc/cmirrord.conf"), "quorum = 0\n");
  const versions = await done(system, `rpm -q --qf '%{VERSION} ' hostkeep ${own}`);
  assertEquals(versions, "0.1.1 ".repeat(daemons.length + 1));
}

async function erased(system: DebianRoot): Promise<void> {
  await done(system, `${RPM} --erase hostkeep ${own}`);
  assertEquals(await done(system, "tail -n 1 /etc/cmirrord.conf.rpmsave"), "quorum = 0\n");
  await done(system, "rm /etc/cmirrord.conf.rpmsave");
}

const NAME = "RPM packages are installed, upgraded and erased, and leave the originals alone";
const PROGRAMS = [
  ...["rpm", "rpmbuild", "unshare", "nsenter", "systemctl", "systemd-analyze", "virtlockd"],
];

async function lifeOfPackages(): Promise<void> {
  await inFolder(async (folder) => {
    const packages = join(folder, "packages");
    await Deno.mkdir(packages);
    const started = new Set(["mdmpd", "virtlockd"]);
    const first = (name: string) => started.has(name) ? build(name) : "/usr/bin/true";
    await packAll(join(packages, "old"), "0.1.0", first);
    // What an upgrade does is up to the scriptlets: any program will do.
    await packAll(join(packages, "new"), "0.1.1", () => "/usr/bin/true");
    await Deno.mkdir(join(folder, "system"));
    await using system = await DebianRoot.on(join(folder, "system"), packages);
    const before = [await done(system, ORIGINAL), await done(system, NAMED)];
    await installed(system);
    assertEquals(await done(system, ORIGINAL), before[0]);
    await unitsAreOurs(system);
    await upgraded(system);
    await erased(system);
    assertEquals([await done(system, ORIGINAL), await done(system, NAMED)], before);
  });
}

if (Deno.uid() === 0) await testWith(PROGRAMS, NAME, lifeOfPackages);
else {
  console.log(`SKIPPED ${NAME}: needs root`);
  Deno.test({ name: NAME, ignore: true, fn: lifeOfPackages });
}
