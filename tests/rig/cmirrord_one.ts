/** One node: mirrors from nothing to in sync, written, suspended, reloaded, removed, and their daemon killed under all that */
// rig: limit=300 memory=768M daemon=cmirrord needs=corosync needs=fio
import { check, equal, figure, note, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import {
  digest,
  isInSync,
  logBits,
  Mirrord,
  ramDisks,
  targetStatus,
  Writer,
} from "./helpers/mirror.ts";

const MEBIBYTES = 16;
sh("modprobe -a dm-mirror dm-log-userspace");
const [coreOne, coreTwo, diskOne, diskTwo, log] = ramDisks(5, MEBIBYTES);
for (const leg of [coreOne, coreTwo, diskOne, diskTwo]) {
  sh(`head -c ${MEBIBYTES}M /dev/urandom > ${leg}`);
}

const daemon = new Mirrord();
check("the daemon starts without corosync", await daemon.start());
check("corosync forms a cluster of one", await startCorosync(["127.0.0.1"]));

const core = sh(`cmirrord table --uuid LVM-core ${coreOne} ${coreTwo}`);
const disk = sh(`cmirrord table --uuid LVM-disk --log ${log} ${diskOne} ${diskTwo}`);
note(`${core}\n${disk}`);
const began = uptime();
sh(`dmsetup create core --table "${core}" && dmsetup create disk --table "${disk}"`);
const areSynced = await inTime(SLOWNESS_S, () => isInSync("core") && isInSync("disk"));
figure("from dmsetup create to in sync, two mirrors of 32 regions", uptime() - began, "s");
check(
  "new mirrors come to be in sync",
  areSynced,
  `${targetStatus("core")} ${targetStatus("disk")}`,
);
check("the status line names the log", targetStatus("disk").endsWith("3 clustered-disk 1:4 A"));
equal("the legs with a core log are the same", digest(coreOne), digest(coreTwo));
equal("those with a log on disk are the same", digest(diskOne), digest(diskTwo));
equal(
  "the table is what was given",
  disk,
  sh("dmsetup table disk").replaceAll(/1:(\d)/g, "/dev/ram$1"),
);
const [shown] = daemon.status().mirrors;
equal("status shows all regions in sync", [32, 32], [shown.regions, shown.inSync]);

// A restart under load, before the kernel noticed, then one that it had to wait for.
const writers = ["core", "disk"].map((name) => new Writer(name, 20));
for (const pauseMs of [0, 3_000]) {
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await daemon.kill();
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  check(`a daemon that was killed is replaced after ${pauseMs} ms`, await daemon.start());
  // As the service does behind each start: a kernel that has nothing to ask introduces no mirror.
  new Deno.Command("dmsetup", { args: ["status", "--target", "mirror"], stdout: "null" }).spawn();
  const back = await inTime(SLOWNESS_S, () => daemon.status()?.mirrors.length === 2);
  check("it knows both mirrors again", back);
}
const results = await Promise.all(writers.map((writer) => writer.end()));
equal("no write has failed", [0, 0], results.map(({ code }) => code));
check("both are in sync", isInSync("core") && isInSync("disk"), targetStatus("disk"));
equal("no write has reached one leg only with a core log", digest(coreOne), digest(coreTwo));
equal("nor with a log on disk", digest(diskOne), digest(diskTwo));

sh("dmsetup suspend core && dmsetup resume core");
check("a suspend loses nothing", await inTime(5, () => isInSync("core")), targetStatus("core"));
const isClean = (): boolean => logBits(log, 32) === "11111111111111111111111111111111";
check("at rest all is clean on the log device", await inTime(20, isClean), logBits(log, 32));

// The same mirror, twice as long.
const half = disk.replace(/^0 \d+/, "0 16384");
sh(`dmsetup reload disk --table "${half}" && dmsetup suspend disk && dmsetup resume disk`);
check(
  "a shorter table is taken",
  await inTime(SLOWNESS_S, () => isInSync("disk")),
  targetStatus("disk"),
);
sh(`dmsetup reload disk --table "${disk}" && dmsetup suspend disk && dmsetup resume disk`);
check(
  "a longer one is recovered",
  await inTime(SLOWNESS_S, () => isInSync("disk")),
  targetStatus("disk"),
);

equal("the daemon refuses to end while a mirror is there", -1, await daemon.stop());
sh("dmsetup remove core && dmsetup remove disk");
equal("after the last mirror it ends", 0, await daemon.stop());
daemon.show();
