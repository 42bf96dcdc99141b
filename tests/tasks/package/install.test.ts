/** The Debian packages are installed beside libvirt's, upgraded and purged, in a Debian of their own. */
import { assertEquals, assertMatch } from "@std/assert";
import { loadManifest } from "../../../tasks/daemons.ts";
import { debianMetaPackage, debianPackage } from "../../../tasks/package/debian.ts";
import { diversions } from "../../../tasks/package/debian_diversions.ts";
import type { DebianRoot } from "./debian_root.ts";
import { daemons, own, testLife } from "./package_life.ts";

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

/** As README does it by hand. The package gives way, and is not left half installed. */
async function refusedOverADiversion(debian: DebianRoot): Promise<void> {
  const path = "/usr/sbin/virtlockd";
  await debian.done(
    `dpkg-divert --rename --divert ${path}.libvirt --add ${path} && echo x > ${path}`,
  );
  const said = await debian.done("! dpkg -i /run/packages/old/hostkeep-virtlockd_*.deb");
  assertMatch(
    said,
    /virtlockd is diverted already, by LOCAL\. .*\n.*dpkg-divert --rename --remove/,
  );
  assertEquals(await debian.done("dpkg --audit"), "");
  await debian.done(`rm ${path} && dpkg-divert --rename --remove ${path}`);
}

/** Another package has a file of ours: the installation fails when most of it is unpacked, and is taken back. */
async function takenBack(debian: DebianRoot): Promise<void> {
  const fields = "Package: other\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b.invalid>";
  await debian.done(`cd /run && mkdir -p other/DEBIAN other/usr/share/zsh/vendor-completions &&
    printf '${fields}\\nDescription: x\\n' > other/DEBIAN/control &&
    touch other/usr/share/zsh/vendor-completions/_virtlockd &&
    dpkg-deb --build other && dpkg -i other.deb`);
  const said = await debian.done("! dpkg -i /run/packages/old/hostkeep-virtlockd_*.deb");
  assertMatch(said, /trying to overwrite '.*_virtlockd', which is also in package other/);
  assertEquals(await debian.done("dpkg --audit"), "");
  await debian.done("dpkg -P other");
}

/** The same of an upgrade: the older version stays, with libvirt's files aside. */
async function upgradeTakenBack(debian: DebianRoot): Promise<void> {
  const files = `sha256sum ${virtlockd.flat().join(" ")}`;
  const before = await debian.done(files);
  await debian.done(`cd /run && dpkg-deb -R packages/new/hostkeep-virtlockd_*.deb worse &&
    touch worse/usr/sbin/virtlogd && dpkg-deb --build worse`);
  const said = await debian.done("! dpkg -i /run/worse.deb");
  assertMatch(said, /trying to overwrite '\/usr\/sbin\/virtlogd'/);
  assertEquals(
    await debian.done(`dpkg --audit; dpkg --verify hostkeep-virtlockd; ${files}`),
    before,
  );
}

async function installed(debian: DebianRoot): Promise<void> {
  await debian.done("dpkg -i /run/packages/old/*.deb");
  for (const name of daemons) {
    assertMatch(await debian.done(`/usr/sbin/${name} --version`), /\b\d+\.\d+\.\d+/);
  }
  assertMatch(await debian.done("/usr/sbin/cmannotifyd --version"), /hostkeep/);
  assertEquals(
    await debian.done(
      `dpkg --audit && dpkg --verify hostkeep && for one in ${own}; do dpkg --verify $one; done`,
    ),
    "",
  );
}

async function unitsAreOurs(debian: DebianRoot): Promise<void> {
  const wanted = "readlink /etc/systemd/system/multi-user.target.wants/";
  for (const name of ["cmannotifyd", "cmirrord", "mdmpd"]) {
    assertEquals(
      await debian.done(`${wanted}${name}.service`),
      `/lib/systemd/system/${name}.service\n`,
    );
  }
  assertMatch(await debian.done("cat /lib/systemd/system/virtlockd.service"), /^Type=notify$/m);
  const services = "virtlockd.service cmannotifyd.service cmirrord.service mdmpd.service";
  assertEquals(await debian.done(`systemd-analyze verify --man=no ${services}`), "");
}

async function upgraded(debian: DebianRoot): Promise<void> {
  await debian.done("echo 'quorum = 0' >> /etc/cmirrord.conf && touch /var/log/cluster/mine");
  await debian.done("SYSTEMD_OFFLINE=1 systemctl --quiet disable mdmpd.service");
  await debian.done("dpkg -i /run/packages/new/*.deb");
  assertEquals(await debian.done("tail -n 1 /etc/cmirrord.conf"), "quorum = 0\n");
  const enabled = await debian.done("ls /etc/systemd/system/multi-user.target.wants");
  assertEquals([/cmirrord/.test(enabled), /mdmpd/.test(enabled)], [true, false]);
  const versions = await debian.done(`dpkg-query -W -f '\${Version} ' hostkeep ${own}`);
  assertEquals(versions, "0.1.1-1 ".repeat(daemons.length + 1));
}

async function purged(debian: DebianRoot): Promise<void> {
  await debian.done("touch /var/log/cluster/cmannotifyd.log /var/log/cluster/cman_notify.log");
  await debian.done(`dpkg -P hostkeep ${own}`);
  assertEquals(await debian.done("ls /var/log/cluster"), "mine\n");
}

async function lifeOfPackages(debian: DebianRoot): Promise<void> {
  await debian.done("rm -rf /var/log/cluster && mkdir -p /var/log/cluster");
  const before = [await debian.done(ofLibvirt), await debian.done(named)];
  await refusedOverADiversion(debian);
  await takenBack(debian);
  assertEquals([await debian.done(ofLibvirt), await debian.done(named)], before);
  await installed(debian);
  await unitsAreOurs(debian);
  await upgradeTakenBack(debian);
  await upgraded(debian);
  await purged(debian);
  assertEquals([await debian.done(ofLibvirt), await debian.done(named)], before);
}

await testLife({
  name: "packages are installed, upgraded and purged, and leave libvirt's files as they were",
  programs: [
    ...["dpkg-deb", "unshare", "nsenter", "deb-systemd-helper", "systemd-analyze", "virtlockd"],
  ],
  packer: { one: debianPackage, meta: debianMetaPackage },
  started: daemons,
}, lifeOfPackages);
