/** The RPM packages are installed beside the originals, upgraded and erased, in a system of their own. */
import { assertEquals, assertMatch } from "@std/assert";
import { rpmMetaPackage, rpmPackage } from "../../../tasks/package/rpm.ts";
import type { DebianRoot } from "./debian_root.ts";
import { daemons, own, testLife } from "./package_life.ts";

/** The original that Debian has, which nothing of ours may touch. */
const ORIGINAL =
  "sha256sum /usr/sbin/virtlockd /lib/systemd/system/virtlockd*.s*t /lib/systemd/system/virtlockd.service";

/** Every path that has a name of ours in it. */
const NAMED = `find /etc /usr -xdev | grep -E '${daemons.join("|")}|hostkeep' | LC_ALL=C sort`;

/** --nodeps: what they need is here as Debian's packages, of which RPM knows nothing. */
const RPM = "rpm --force-debian --nodeps";

async function installed(system: DebianRoot): Promise<void> {
  await system.done(`${RPM} --install /run/packages/old/*.rpm`);
  assertEquals(await system.done(`rpm --verify --nodeps hostkeep ${own}`), "");
  for (const program of ["/usr/sbin/mdmpd", "/usr/libexec/hostkeep/virtlockd"]) {
    assertMatch(await system.done(`${program} --version`), /\b\d+\.\d+\.\d+/);
  }
}

/** What systemd makes of the original's unit with ours behind it, and of the others. */
async function unitsAreOurs(system: DebianRoot): Promise<void> {
  const security = "systemd-analyze security --offline=true --no-pager virtlockd.service";
  assertMatch(await system.done(security), /Overall exposure level for virtlockd.service: 1\.2 /);
  const services = "virtlockd.service cmannotifyd.service cmirrord.service mdmpd.service";
  assertEquals(await system.done(`systemd-analyze verify --man=no ${services}`), "");
}

async function upgraded(system: DebianRoot): Promise<void> {
  await system.done("echo 'quorum = 0' >> /etc/cmirrord.conf");
  await system.done(`${RPM} --upgrade /run/packages/new/*.rpm`);
  assertEquals(await system.done("tail -n 1 /etc/cmirrord.conf"), "quorum = 0\n");
  const versions = await system.done(`rpm -q --qf '%{VERSION} ' hostkeep ${own}`);
  assertEquals(versions, "0.1.1 ".repeat(daemons.length + 1));
}

async function erased(system: DebianRoot): Promise<void> {
  await system.done(`${RPM} --erase hostkeep ${own}`);
  assertEquals(await system.done("tail -n 1 /etc/cmirrord.conf.rpmsave"), "quorum = 0\n");
  await system.done("rm /etc/cmirrord.conf.rpmsave");
}

async function lifeOfPackages(system: DebianRoot): Promise<void> {
  const before = [await system.done(ORIGINAL), await system.done(NAMED)];
  await installed(system);
  assertEquals(await system.done(ORIGINAL), before[0]);
  await unitsAreOurs(system);
  await upgraded(system);
  await erased(system);
  assertEquals([await system.done(ORIGINAL), await system.done(NAMED)], before);
}

await testLife({
  name: "RPM packages are installed, upgraded and erased, and leave the originals alone",
  programs: [
    ...["rpm", "rpmbuild", "unshare", "nsenter", "systemctl", "systemd-analyze", "virtlockd"],
  ],
  packer: { one: rpmPackage, meta: rpmMetaPackage },
  started: ["mdmpd", "virtlockd"],
}, lifeOfPackages);
