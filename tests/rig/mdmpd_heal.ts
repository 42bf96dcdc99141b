/** A path that fails under I/O stays out while it is dead, and is back soon after it heals: metadata 0.90, 1.2 and none; then, idle and confined */
// rig: limit=600 memory=1G daemon=mdmpd needs=mdadm needs=dmsetup
import { manifest } from "../../daemons/mdmpd/manifest.ts";
import { check, equal, figure, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import {
  childrenOf,
  openLinks,
  privileges,
  sleeps,
  statusField,
  wantedPrivileges,
} from "./helpers/confinement.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import {
  createMultipath,
  DiskPath,
  isFaulty,
  isInUse,
  Mdmpd,
  ramDisks,
  record,
} from "./helpers/md.ts";

const INTERVAL_S = 5;
const DEAD_S = 20;
const IDLE_S = 60;
const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

sh("modprobe multipath");
const arrays = ramDisks(3, 16).map((disk, i) => {
  const [a, b] = [new DiskPath(`a${i}`, disk), new DiskPath(`b${i}`, disk)];
  const [md, metadata] = [`md${i}`, (["0.90", "1.2", "none"] as const)[i]];
  if (metadata === "none") {
    sh(`mdadm --build /dev/${md} --level=multipath -n2 ${a.node} ${b.node} 2>&1`);
  } else createMultipath(md, [b, a], metadata);
  return { md, metadata, paths: [a, b] };
});
sh("head -c 8M /dev/urandom > /run/pattern");
for (const { md } of arrays) sh(`dd if=/run/pattern of=/dev/${md} bs=1M oflag=direct 2>&1`);

/** As a kernel before 5.10, md1 does not tell its uuid. */
sh("mount --bind /dev/null /sys/block/md1/md/uuid");
const config = "/run/mdmpd.conf";
Deno.writeTextFileSync(config, "log_level = 1\n");
const daemon = await Mdmpd.started("--interval", String(INTERVAL_S), "--config", config);
const { pid } = daemon;
equal("all arrays are seen", 3, daemon.status()?.arrays.length);

// Reads and writes without end, each of which has to succeed as long as one path lives.
sh(
  `cat > /run/user <<'END'
while [ ! -e /run/stop ]; do
  for md in md0 md1 md2; do
    dd if=/dev/$md of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null || echo $md >> /run/errors
    dd if=/run/pattern of=/dev/$md bs=1M count=1 oflag=direct 2>/dev/null || echo $md >> /run/errors
    echo >> /run/done
  done
  sleep 0.5
done
END`,
);
const user = new Deno.Command("sh", { args: ["/run/user"] }).spawn();

const slot0 = (md: string, { kernelName }: DiskPath): boolean =>
  sh(`cat /sys/block/${md}/md/dev-${kernelName}/slot`) === "0";
const failing = arrays.map(({ md, paths: [a, b] }) => ({ md, path: slot0(md, a) ? a : b }));
for (const { path } of failing) path.kill();
for (const { md, path } of failing) {
  const isFailed = await inTime(SLOWNESS_S, () => isFaulty(md, path));
  check(`${md}: the path fails under I/O`, isFailed, record(md));
}
for (const { md } of failing) {
  check(`${md}: the path is found dead`, await daemon.says(`PathProbeFailed /dev/${md}`, 60));
}
const [tester] = childrenOf(pid);
equal(
  "a tester has the daemon's privileges and no other",
  wantedPrivileges(manifest),
  privileges(tester, manifest),
);
const outside = arrays.map(({ md }) => record(md));
await sleep(DEAD_S);
equal(`dead for ${DEAD_S} s, nothing is touched`, outside, arrays.map(({ md }) => record(md)));

for (const { path } of failing) path.heal();
const healed = uptime();
for (const { md, path } of failing) {
  const isBack = await inTime(INTERVAL_S + 2 + SLOWNESS_S, () => isInUse(md, path));
  figure(`${md}: from healed to in use, at an interval of ${INTERVAL_S} s`, uptime() - healed, "s");
  check(`${md}: the path is back`, isBack, record(md));
}
check(
  "all are reported back",
  await inTime(SLOWNESS_S, () => daemon.events("SpareActive").length === 3),
);
Deno.writeTextFileSync("/run/stop", "");
await user.status;
const errors = sh("sort /run/errors 2>/dev/null | uniq -c; true");
equal("no read and no write of a user failed", "", errors);
figure("rounds of reads and writes meanwhile", Number(sh("wc -l < /run/done")), "rounds");
const wanted = sh("sha256sum < /run/pattern");
for (const { md } of arrays) {
  equal(`${md}: the data are what was written`, wanted, sh(`head -c 8M /dev/${md} | sha256sum`));
}

equal(
  "the daemon is what its manifest says",
  wantedPrivileges(manifest),
  privileges(pid, manifest),
);
equal(
  "it has no device open",
  [],
  openLinks(pid).filter((link) => /^\/dev\/(md|dm|ram)/.test(link)),
);
equal("and nothing of who started it", [], openLinks(pid).filter((link) => /^\/rig\//.test(link)));
const sandbox = daemon.status()?.sandbox ?? "";
check("nothing is missing from its confinement", !/off|gap/.test(sandbox), sandbox);
// From inside: what the configuration's name leads to by now is none of its files.
sh(`mkdir -p /srv && echo "interval = 1" > /srv/other && ln -sf /srv/other ${config}`);
sh(`kill -HUP ${pid}`);
check("it may not read what is not its own", await daemon.says("Permission denied", SLOWNESS_S));
// SECCOMP_RET_ERRNO is the answer to clone3, in whose place glibc then calls clone; anything else would have ended the process.
const stopped = "dmesg | grep type=1326 | grep -v code=0x5; true";
equal("no call was refused by the filter", "", sh(stopped));
const second = new Deno.Command("mdmpd", { args: ["-f"], stderr: "null" }).outputSync();
equal("a second one refuses to start", 75, second.code);

check("its testers have gone", await inTime(SLOWNESS_S, () => childrenOf(pid).length === 0));
await sleep(3);
const before = sleeps(pid);
await sleep(IDLE_S);
equal(`with healthy arrays it does not wake once in ${IDLE_S} s`, before, sleeps(pid));
figure("resident memory, idle", parseInt(statusField(pid, "VmRSS")) / 1024, "MiB");
figure("of it shared and file-backed", parseInt(statusField(pid, "RssFile")) / 1024, "MiB");

// A file that is no mdstat, and whose changes can be waited for.
sh(`rm ${config} && echo "log_level = 1" > ${config}`);
sh(`mount --bind /proc/1/mounts /proc/mdstat && kill -HUP ${pid}`);
const isRead = await daemon.says("the configuration has been read again", SLOWNESS_S);
check("a configuration that was replaced is read again", isRead);
check("an unknown grammar is told", await daemon.says("in an unknown grammar", SLOWNESS_S));
equal("and no array taken for gone", [3, []], [
  daemon.status()?.arrays.length,
  daemon.events("DeviceDisappeared"),
]);
sh("umount -l /proc/mdstat");
const again = "/proc/mdstat is read and understood again";
check("its end is found by itself", await daemon.says(again, SLOWNESS_S));

sh("umount /sys/block/md1/md/uuid");
for (const { md } of arrays) sh(`mdadm --stop /dev/${md} 2>&1`);
check("all arrays can be stopped", arrays.every(({ md }) => record(md) === ""));
const mark = daemon.text().length;
sh("modprobe -r multipath md_mod");
check("that md is unloaded is told", await daemon.says("md is not loaded", SLOWNESS_S, mark));
sh("modprobe multipath");
check("that it is back is found by itself", await daemon.says(again, SLOWNESS_S, mark));
sh(`mdadm --assemble /dev/md0 ${arrays[0].paths.map(({ node }) => node).join(" ")} 2>&1`);
check("a new array is seen", await daemon.says("NewArray /dev/md0", SLOWNESS_S, mark));
figure("from SIGTERM to the end", await daemon.stop(), "s");
daemon.show();
