/** One node: mirrors from nothing to in sync, written, suspended, shrunk and grown, removed, and their daemon killed under all that */
// rig: limit=300 memory=768M daemon=cmirrord needs=corosync
import { check, equal, figure, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import {
  digest,
  isInSync,
  logBits,
  logRegions,
  Mirrord,
  mirrorTable,
  ramDisks,
  SteadyWriter,
  targetStatus,
} from "./helpers/mirror.ts";

const mebibytes = 16;
const REGIONS = 32;
const daemon = new Mirrord();
const started = daemon.start();
sh("modprobe -a dm-mirror dm-log-userspace");
const [coreOne, coreTwo, diskOne, diskTwo, log] = ramDisks(5, mebibytes);
for (const leg of [coreOne, coreTwo, diskOne, diskTwo]) {
  sh(`head -c ${mebibytes}M /dev/urandom > ${leg}`);
}
check("the daemon starts without corosync", await started);
check("corosync forms a cluster of one", await startCorosync(["127.0.0.1"]));

const core = mirrorTable({ uuid: "LVM-core", mebibytes, legs: [coreOne, coreTwo] });
const disk = mirrorTable({ uuid: "LVM-disk", mebibytes, log, legs: [diskOne, diskTwo] });
const printed = sh(`cmirrord table --uuid LVM-disk --log ${log} ${diskOne} ${diskTwo}`);
equal("the table command prints the table", disk, printed);
const began = uptime();
sh(`dmsetup create disk --table "${disk}" && dmsetup create core --table "${core}"`);
const seen: number[] = [];
const areSynced = await inTime(SLOWNESS_S, () => {
  seen.push(daemon.mirror("LVM-core").inSync);
  return isInSync("core") && isInSync("disk");
});
figure("from dmsetup create to in sync, two mirrors of 32 regions", uptime() - began, "s");
check("new mirrors come to be in sync", areSynced, targetStatus("core") + targetStatus("disk"));
seen.push(daemon.mirror("LVM-core").inSync);
const grows = seen.every((count, index) => index === 0 || count >= seen[index - 1]);
check("how far one is can be seen", grows && seen.at(-1) === REGIONS, seen.join(" "));
check("the status line names the log", targetStatus("disk").endsWith("3 clustered-disk 1:4 A"));
equal("the legs with a core log are the same", digest(coreOne), digest(coreTwo));
equal("those with a log on disk are the same", digest(diskOne), digest(diskTwo));
const table = sh("dmsetup table disk").replaceAll(/1:(\d)/g, "/dev/ram$1");
equal("the table is what was given", disk, table);
const people = sh("cmirrord status");
check("status tells it to people", people.includes(`${REGIONS}/${REGIONS} (100 %)`), people);

// A restart under load, before the kernel noticed, then one that it had to wait for.
const whole = { fromMib: 0, mebibytes };
const writers = ["core", "disk"].map((name) => new SteadyWriter(name, whole));
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
const results = await Promise.all(writers.map((writer) => writer.stop()));
equal("no write has failed", [0, 0], results);
check("both are in sync", isInSync("core") && isInSync("disk"), targetStatus("disk"));
equal("no write has reached one leg only with a core log", digest(coreOne), digest(coreTwo));
equal("nor with a log on disk", digest(diskOne), digest(diskTwo));
const isClean = (): boolean => logBits(log, REGIONS) === "1".repeat(REGIONS);
check("at rest all is clean on the log device", await inTime(SLOWNESS_S, isClean));

/** How many regions are recovered by what is done to a mirror, until it is in sync. */
async function recovered(name: string, action: string): Promise<number> {
  const before = daemon.metric("regions_resynced_total");
  sh(action);
  const synced = await inTime(SLOWNESS_S, () => isInSync(name));
  check(`${name} comes to be in sync`, synced, targetStatus(name));
  return daemon.metric("regions_resynced_total") - before;
}

const resume = (name: string): string => `dmsetup suspend ${name} && dmsetup resume ${name}`;
// Who else was there while its daemon was dead no log in memory knows: it calls dirty what was being written then.
const inDoubt = (): number => daemon.mirror("LVM-core").orphanMarks;
const isRestClean = (): boolean => daemon.mirror("LVM-core").clean === REGIONS - inDoubt();
check("at rest all else is clean in a core log", await inTime(SLOWNESS_S, isRestClean));
const orphanMarks = inDoubt();
figure("regions in doubt after two kills, log in memory", orphanMarks, "");
equal("that much is recovered when resumed", orphanMarks, await recovered("core", resume("core")));
equal(
  "another suspend makes a core log forget nothing",
  0,
  await recovered("core", resume("core")),
);
equal("nor one on disk", 0, await recovered("disk", resume("disk")));
const load = (table: string): string =>
  `dmsetup reload disk --table "${table}" && ${resume("disk")}`;
const half = disk.replace(/^0 \d+/, `0 ${mebibytes * 1024}`);
equal("nothing of a shorter mirror is recovered", 0, await recovered("disk", load(half)));
equal("the log is as long as it", REGIONS / 2, logRegions(log));
sh(`dd if=/dev/urandom of=${diskTwo} bs=1M seek=${mebibytes / 2} oflag=direct 2>&1 || true`);
const behind = await recovered("disk", load(disk));
equal("of a longer one, what is new is recovered, and no more", REGIONS / 2, behind);
equal("the log is as long as it, too", REGIONS, logRegions(log));
check("all of it is clean at rest", await inTime(SLOWNESS_S, isClean), logBits(log, REGIONS));
equal("its legs are the same", digest(diskOne), digest(diskTwo));

// The daemon is killed between the suspend of the old table and the resume of the new one: it will know neither.
sh(`dmsetup reload disk --table "${disk}" && dmsetup suspend disk`);
await daemon.kill();
check("a daemon that was killed while a table is replaced comes back", await daemon.start());
sh("dmsetup resume disk");
sh("dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=2 oflag=direct 2>&1");
check("what is written then is in sync", await inTime(SLOWNESS_S, () => isInSync("disk")));
equal("on both legs", digest(diskOne), digest(diskTwo));

daemon.signal("SIGTERM");
const refuses = await daemon.says("Cluster logs exist.  Refusing to exit.");
check("the daemon refuses to end while a mirror is there", refuses);
sh("dmsetup remove core && dmsetup remove disk");
equal("after the last mirror it ends", 0, await daemon.stop());
daemon.show();
