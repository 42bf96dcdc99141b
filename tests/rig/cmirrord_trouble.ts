/** One node, four mirrors at once, whose log devices and legs fail, are held for, and are replaced */
// rig: limit=600 memory=768M daemon=cmirrord needs=corosync
import { DTR } from "../../daemons/cmirrord/ulog.ts";
import { about, check, equal, figure, note, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { forge, forgedFrame } from "./helpers/forgery.ts";
import { inTime, SLOWNESS_S, succeeds } from "./helpers/in_time.ts";
import {
  changeTable,
  digest,
  isInSync,
  logBits,
  Mirrord,
  mirrorTable,
  ramDisks,
  targetStatus,
  Write,
} from "./helpers/mirror.ts";

const mebibytes = 4;
const SECTORS = 2048 * mebibytes;
const REGIONS = 8;
const REGION_KIB = 512;
/** Each takes more than a kibibyte of the socket's 16 MiB. */
const FORGED = 20_000;
const CLEAN = "1".repeat(REGIONS);
const daemon = new Mirrord();
const started = daemon.start();
sh("modprobe -a dm-mirror dm-log-userspace dm-flakey");
const [a1, a2, b1, b2, c1, c2, d1, d2, heldLog, looseLog, saidLog, spare] = ramDisks(12, mebibytes);
for (const disk of [a1, a2, b1, b2, c1, c2, spare]) {
  sh(`head -c ${mebibytes}M /dev/urandom > ${disk}`);
}
check("corosync forms a cluster of one", await startCorosync(["127.0.0.1"]));
check("the daemon starts", await started);

const linear = (device: string): string => `0 ${SECTORS} linear ${device} 0`;
const error = `0 ${SECTORS} error`;
/** Reads, and fails all writes. */
const flakey = (device: string): string => `0 ${SECTORS} flakey ${device} 0 0 1 1 error_writes`;
const devices = { flushleg: a2, heldleg: b2, looseleg: c2, heldlog: heldLog, looselog: looseLog };
for (const [name, device] of Object.entries(devices)) {
  sh(`dmsetup create ${name} --table "${linear(device)}"`);
}
const flush = mirrorTable({
  ...{ uuid: "LVM-flush", mebibytes, legs: [a1, "/dev/mapper/flushleg"] },
  ...{ handleErrors: false, integratedFlush: false },
}).replace("userspace 3 LVM-flush", "userspace 4 LVM-flush integrated_flush");
const held = mirrorTable({
  ...{ uuid: "LVM-held", mebibytes, log: "/dev/mapper/heldlog" },
  legs: [b1, "/dev/mapper/heldleg"],
});
// As tables were written before handle_errors was a word of the mirror's own.
const loose = mirrorTable({
  ...{ uuid: "LVM-loose", mebibytes, log: "/dev/mapper/looselog" },
  ...{ legs: [c1, "/dev/mapper/looseleg"], handleErrors: false, integratedFlush: false },
}).replace("userspace 4", "userspace 5").replace(" 1024 ", " 1024 block_on_error ");
const number = sh(`cat /sys/block/${saidLog.replace("/dev/", "")}/dev`);
const said = mirrorTable({
  ...{ uuid: "LVM-said", mebibytes, log: number, legs: [d1, d2], sync: "nosync" },
});
note([flush, held, loose, said].join("\n"));
const tables = { flush, held, loose, said };
for (const [name, table] of Object.entries(tables)) sh(`dmsetup create ${name} --table "${table}"`);
const names = Object.keys(tables);
check("what is said to be in sync is", isInSync("said"), targetStatus("said"));
const areSynced = await inTime(SLOWNESS_S, () => names.every(isInSync));
check("four mirrors come to be in sync at once", areSynced, names.map(targetStatus).join(" "));
const end = ` 3 clustered-disk ${number} A`;
equal("a log device is found by its number", end, targetStatus("said").slice(-end.length));
equal("a table with block_on_error is taken", true, sh("dmsetup table loose").includes("error"));
equal("status shows four mirrors", 4, daemon.status().mirrors.length);

for (const [name, one, two] of [["flush", a1, a2], ["said", d1, d2]]) {
  sh(`dd if=/dev/urandom of=/dev/mapper/${name} bs=4k count=16 oflag=direct 2>&1`);
  equal(`${name}: what is written is on both legs`, digest(one), digest(two));
}

/** A device with trouble, or without. */
const swap = (name: keyof typeof devices, table = linear(devices[name])): void =>
  changeTable(name, table);
const says = (name: string, what: string | RegExp): Promise<boolean> =>
  inTime(SLOWNESS_S, () => targetStatus(name).search(what) >= 0);
/** Whether a write waits, and no error is told. */
const waits = async (write: Write): Promise<boolean> =>
  !await inTime(1, () => write.code !== undefined);
const restsClean = (log: string): Promise<boolean> =>
  inTime(SLOWNESS_S, () => logBits(log, 8) === CLEAN);

about("a log device that fails, without handle_errors");
check("the log is clean at rest", await restsClean(looseLog), logBits(looseLog, 8));
swap("looselog", error);
equal("a write goes on", 0, await new Write("loose", 0).end());
check("the status line says it", await says("loose", " D"), targetStatus("loose"));
check("it is logged", await daemon.says("the log cannot be written: Input/output error"));
swap("looselog");
equal("a write goes on", 0, await new Write("loose", 5 * REGION_KIB).end());
check("it lives", await says("loose", /clustered-disk \d+:\d+ A$/), targetStatus("loose"));
check("it is clean again at rest", await restsClean(looseLog), logBits(looseLog, 8));
equal("its legs are the same", digest(c1), digest(c2));
// The kernel would not note the failure of a leg any more (do_failures of dm-raid1.c).
changeTable("loose", loose);

about("a log device that fails, with handle_errors");
check("the log is clean at rest", await restsClean(heldLog), logBits(heldLog, 8));
swap("heldlog", error);
const unlogged = new Write("held", 0);
check("a write waits", await waits(unlogged));
check("the status line says it", await says("held", " D"), targetStatus("held"));
swap("heldlog");
changeTable("held", held);
equal("it goes on when the table was loaded anew", 0, await unlogged.end());
check("it is in sync", await inTime(SLOWNESS_S, () => isInSync("held")), targetStatus("held"));
check("it lives", !targetStatus("held").endsWith(" D"), targetStatus("held"));

about("a leg that fails, with handle_errors");
swap("heldleg", error);
const oneLegged = new Write("held", 3 * REGION_KIB);
check("a write waits", await waits(oneLegged));
const failed = `${REGIONS - 1}/${REGIONS} 1 AD`;
check("the status line says it", await says("held", failed), targetStatus("held"));
equal("so does the daemon", REGIONS - 1, daemon.mirror("LVM-held").inSync);
equal("its region is dirty on the log device", "0", logBits(heldLog, 8)[3]);
const replaced = held.replace("/dev/mapper/heldleg", spare).replace("LVM-held", "LVM-held2");
sh(`dmsetup reload held --table "${replaced}" && dmsetup suspend --noflush held`);
// The new leg has nothing of the mirror: nor must its log.
sh(`dd if=/dev/zero of=${heldLog} bs=4k count=1 oflag=direct 2>&1; dmsetup resume held`);
equal("it goes on when the leg is replaced", 0, await oneLegged.end());
check("it comes to be in sync", await inTime(SLOWNESS_S, () => isInSync("held")));
check("both legs live", targetStatus("held").includes(`${REGIONS}/${REGIONS} 1 AA`));
check("its log is clean at rest", await restsClean(heldLog), logBits(heldLog, 8));
equal("its legs are the same", digest(b1), digest(spare));

for (const [name, one, two] of [["loose", c1, c2], ["flush", a1, a2]] as const) {
  about(`a leg that fails, without handle_errors, ${name}`);
  swap(`${name}leg`, flakey(two));
  equal("a write goes on", 0, await new Write(name, 2 * REGION_KIB).end());
  equal("so does one to the same region", 0, await new Write(name, 2 * REGION_KIB + 8).end());
  check("the status line says it", await says(name, failed), targetStatus(name));
  swap(`${name}leg`);
  check("its legs are not the same", digest(one) !== digest(two));
  const before = daemon.metric("regions_resynced_total");
  if (name === "loose") changeTable(name, tables[name]);
  else sh(`dmsetup suspend ${name} && dmsetup resume ${name}`);
  check("it comes to be in sync when resumed", await inTime(SLOWNESS_S, () => isInSync(name)));
  equal("one region was recovered", 1, daemon.metric("regions_resynced_total") - before);
  equal("its legs are the same", digest(one), digest(two));
}

about("a leg that fails while it is recovered");
const unwell = mirrorTable({
  ...{ uuid: "LVM-unwell", mebibytes, sync: "sync" },
  legs: [a1, "/dev/mapper/flushleg"],
});
sh("dmsetup remove flush");
swap("flushleg", error);
sh(`head -c 1M /dev/urandom > ${a2}; dmsetup create flush --table "${unwell}"`);
check("nothing is in sync", await says("flush", `0/${REGIONS} 1 AS`), targetStatus("flush"));
swap("flushleg");
changeTable("flush", unwell);
check("it is recovered when resumed", await inTime(SLOWNESS_S, () => isInSync("flush")));
equal("its legs are the same", digest(a1), digest(a2));

about("requests that do not fit, and others than the kernel's");
const before = daemon.mirror("LVM-said");
daemon.signal("SIGSTOP");
// More than the socket has room for; was any of them believed, the mirror would be gone.
forge(forgedFrame(daemon.identity("LVM-said"), DTR), FORGED);
const began = uptime();
const late = new Write("said", 0);
check("a write waits", await waits(late));
daemon.signal("SIGCONT");
equal("it is done", 0, await late.end());
figure("from a request that did not fit to the end of its write", uptime() - began, "s");
check("that requests were lost is counted", daemon.metric("overruns_total") > 0);
check("so are the forged ones", daemon.metric("frames_forged_total") > 1000);
equal("nothing has become of them", before, { ...daemon.mirror("LVM-said"), marks: [], clean: 8 });

about("corosync is killed");
sh("kill -KILL $(cat /run/corosync.pid)");
const refused = `grep "let it join, it is tried again: CS_ERR_LIBRARY (2)" ${Mirrord.log}`;
check("the daemon says why it is not let in", await inTime(SLOWNESS_S, () => succeeds(refused)));
const meanwhile = new Write("said", REGION_KIB);
check("corosync is back", await inTime(SLOWNESS_S, () => succeeds("corosync")));
equal("a write of meanwhile is done", 0, await meanwhile.end());

about("");
for (const name of names) sh(`dmsetup remove ${name}`);
equal("after the last mirror the daemon ends", 0, await daemon.stop());
equal("it leaves no state behind", "", sh("ls /run/cmirrord/mirrors"));
daemon.show();
