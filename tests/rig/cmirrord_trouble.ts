/** One node, four mirrors at once: marks that come with FLUSH, a log device that fails and heals, a mirror said to be in sync, a device by number */
// rig: limit=300 memory=768M daemon=cmirrord needs=corosync
import { check, equal, sh } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import { digest, isInSync, logBits, Mirrord, ramDisks, targetStatus } from "./helpers/mirror.ts";

const SECTORS = 16_384;
sh("modprobe -a dm-mirror dm-log-userspace");
const disks = ramDisks(10, 8);
const [a1, a2, b1, b2, c1, c2, d1, d2, log, numbered] = disks;
for (const disk of [a1, a2, b1, b2, d1, d2]) sh(`head -c 8M /dev/urandom > ${disk}`);
const daemon = new Mirrord();
check("the daemon starts", await daemon.start());
check("corosync forms a cluster of one", await startCorosync(["127.0.0.1"]));

const plain = sh(`cmirrord table --uuid LVM-flush ${a1} ${a2}`);
const integrated = plain.replace("userspace 3 LVM-flush", "userspace 4 LVM-flush integrated_flush");
sh(`dmsetup create flush --table "${integrated}"`);
sh(`dmsetup create log --table "0 ${SECTORS} linear ${log} 0"`);
const failing = sh(
  `cmirrord table --no-handle-errors --uuid LVM-log --log /dev/mapper/log ${b1} ${b2}`,
);
sh(`dmsetup create failing --table "${failing}"`);
const said = sh(`cmirrord table --nosync --uuid LVM-said ${c1} ${c2}`);
sh(`dmsetup create said --table "${said}"`);
const number = sh(`cat /sys/block/${numbered.replace("/dev/", "")}/dev`);
const byNumber = sh(`cmirrord table --uuid LVM-number --log ${number} ${d1} ${d2}`);
sh(`dmsetup create number --table "${byNumber}"`);
const names = ["flush", "failing", "said", "number"];
check("what is said to be in sync is", isInSync("said"), targetStatus("said"));
const areSynced = await inTime(SLOWNESS_S, () => names.every(isInSync));
check("four mirrors come to be in sync at once", areSynced, names.map(targetStatus).join(" "));
equal(
  "a log device is found by its number",
  `3 clustered-disk ${number} A`,
  targetStatus("number").slice(-(19 + number.length)),
);

const write = (name: string): string =>
  sh(`dd if=/dev/urandom of=/dev/mapper/${name} bs=4k count=64 oflag=direct 2>&1`);
write("flush");
equal("marks that come with FLUSH are taken: both legs are written", digest(a1), digest(a2));
write("said");
equal("so are those of the mirror that was said to be in sync", digest(c1), digest(c2));

const logTable = (table: string): string =>
  sh(
    `dmsetup reload log --table "${table}" && dmsetup suspend --noflush log && dmsetup resume log`,
  );
check(
  "the log is clean at rest",
  await inTime(20, () => logBits(log, 16) === "1".repeat(16)),
  logBits(log, 16),
);
logTable(`0 ${SECTORS} error`);
write("failing");
check(
  "a log that cannot be written is dead in the status line",
  targetStatus("failing").endsWith(" D"),
  targetStatus("failing"),
);
check("it is logged", await daemon.says("the log cannot be written"));
logTable(`0 ${SECTORS} linear ${log} 0`);
sh("dd if=/dev/urandom of=/dev/mapper/failing bs=4k count=1 seek=1500 oflag=direct 2>&1");
check(
  "it is alive again with the next write",
  await inTime(20, () => targetStatus("failing").endsWith(" A")),
  targetStatus("failing"),
);
check(
  "and clean again at rest",
  await inTime(20, () => logBits(log, 16) === "1".repeat(16)),
  logBits(log, 16),
);
equal("its legs are the same", digest(b1), digest(b2));

equal("status shows four mirrors", 4, daemon.status().mirrors.length);
for (const name of names) sh(`dmsetup remove ${name}`);
equal("after the last mirror the daemon ends", 0, await daemon.stop());
equal("it leaves no state behind", "", sh("ls /run/cmirrord/mirrors"));
daemon.show();
