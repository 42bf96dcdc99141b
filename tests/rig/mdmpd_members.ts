/** A member of a raid1 comes back by its write-intent bitmap, and never without one */
// rig: limit=300 memory=1G daemon=mdmpd needs=mdadm needs=dmsetup
import { check, equal, eventually, sh } from "../../tasks/rig/guest/guest.ts";
import { DiskPath, isFaulty, isInUse, Mdmpd, ramDisks, record } from "./helpers/md.ts";

const INTERVAL_S = 3;
const SLOWNESS_S = 30;
sh("modprobe raid1");
const paths = ramDisks(4, 32).map((disk, i) => new DiskPath(`m${i}`, disk));
const [with0, with1, without0, without1] = paths;
const create = (md: string, bitmap: string, [a, b]: readonly DiskPath[]): string =>
  sh(`yes | mdadm --create /dev/${md} --level=1 -n2 --bitmap=${bitmap} ${a.node} ${b.node} 2>&1`);
create("md0", "internal --bitmap-chunk=64K", [with0, with1]);
create("md1", "none", [without0, without1]);
for (const md of ["md0", "md1"]) {
  check(
    `${md} is in step`,
    await eventually(60, () => sh(`cat /sys/block/${md}/md/sync_action`) === "idle"),
  );
}
const daemon = await Mdmpd.started(
  "--interval",
  String(INTERVAL_S),
  "--personality",
  "multipath,raid1",
);
equal("members are looked after", 2, daemon.status()?.arrays.length);
await new Promise((resolve) => setTimeout(resolve, 3_000));

for (const path of [with1, without1]) path.kill();
const write = (md: string): string =>
  sh(`dd if=/dev/urandom of=/dev/${md} bs=64k count=32 seek=100 oflag=direct 2>&1`);
for (const md of ["md0", "md1"]) write(md);
check(
  "both lose a member",
  await eventually(10, () => isFaulty("md0", with1) && isFaulty("md1", without1)),
);
check(
  "both are found dead",
  await daemon.says("PathProbeFailed /dev/md0", 60) &&
    await daemon.says("PathProbeFailed /dev/md1", 60),
);
for (const md of ["md0", "md1"]) write(md);
for (const path of [with1, without1]) path.heal();

check(
  "with a bitmap, the member is back",
  await eventually(INTERVAL_S + 2 + SLOWNESS_S, () => isInUse("md0", with1)),
  record("md0"),
);
check(
  "without one, it waits for its administrator",
  await daemon.says("no write-intent bitmap", 40),
  daemon.text(),
);
check("and stays out", !isInUse("md1", without1), record("md1"));
check(
  "md0 is in step again",
  await eventually(60, () => sh("cat /sys/block/md0/md/sync_action") === "idle"),
);
sh("echo check > /sys/block/md0/md/sync_action");
check(
  "the check ends",
  await eventually(60, () => sh("cat /sys/block/md0/md/sync_action") === "idle"),
);
equal("the check finds no difference", "0", sh("cat /sys/block/md0/md/mismatch_cnt"));

sh(`mdadm /dev/md0 --fail ${with0.node} 2>&1`);
check(
  "a member that was failed by hand stays out",
  await daemon.says(`PathHeld /dev/md0 /dev/${with0.kernelName}`, 20),
);
await daemon.stop();
daemon.show();
