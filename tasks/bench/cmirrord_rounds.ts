/** Our cmirrord, with integrated_flush and apart from it, the original and the kernel's own logs, in turn in one guest: counts, rates, delays */
// rig: memory=1G cpus=2 limit=1500 daemon=cmirrord needs=corosync needs=fio
//
// Arguments: ours, the original ("-" for none), rounds. Figures are named "WHOSE/WHAT", as tasks/bench/cmirrord.ts reads them.
import { check, figure, note, sh, uptime } from "../rig/guest/guest.ts";
import { startCorosync } from "../../tests/rig/helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "../../tests/rig/helpers/in_time.ts";
import { isInSync, ramDisks, targetStatus } from "../../tests/rig/helpers/mirror.ts";

/** apart: our daemon with the table line of the original, which has no integrated_flush. */
type Whose = "ours" | "apart" | "original" | "kernel";
type Place = "memory" | "disk";

const [ours, original, rounds] = Deno.args;
const MEBIBYTES = 64;
const SECTORS = MEBIBYTES * 2048;
/** 512 KiB, as lvm2 has it; for a resync 128 KiB, that copying does not outweigh what is asked. */
const REGION_SECTORS = 1024;
const RESYNC_REGION_SECTORS = 256;
const LOAD_S = 4;
/** Our daemon puts CLEARs off for 1.5 s, the kernel FLUSHes behind them: they are counted with what they belong to. */
const SETTLE_MS = 2_500;
const LOG_DEVICE = "/dev/mapper/bench-log";
const TRACING = "/sys/kernel/tracing";
/** Connector group 7 as a bit of /proc/net/netlink, and NETLINK_CONNECTOR. */
const GROUP_BIT = 0x40;
const CONNECTOR = 11;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Each request that the kernel makes of a daemon goes through this function (drivers/md/dm-log-userspace-transfer.c). */
function countRequests(): void {
  sh(`mountpoint -q ${TRACING} || mount -t tracefs tracefs ${TRACING}`);
  sh(`echo 'p:asked dm_log_userspace:dm_consult_userspace' > ${TRACING}/kprobe_events`);
  sh(`echo 1 > ${TRACING}/events/kprobes/asked/enable`);
}

interface Counts {
  readonly requests: number;
  readonly multicasts: number;
  readonly logKiB: number;
}

function counts(): Counts {
  const profile = sh(`cat ${TRACING}/kprobe_profile`);
  // What clients of corosync's CPG service, the second, have asked of it: cmap_keys(8).
  const asked = sh("corosync-cmapctl -m stats")
    .matchAll(/^stats\.ipcs\.service2\..*\.requests \(u64\) = (\d+)/gm);
  const [, , , , , , sectors] = Deno.readTextFileSync(`/sys/dev/block/${logNumber}/stat`)
    .trim().split(/\s+/);
  return {
    requests: Number(/asked\s+(\d+)/.exec(profile)?.[1]),
    multicasts: [...asked].reduce((sum, [, count]) => sum + Number(count), 0),
    logKiB: Number(sectors) / 2,
  };
}

function isListening(): boolean {
  return sh("cat /proc/net/netlink").split("\n").some((line) => {
    const [, protocol, , groups] = line.trim().split(/\s+/);
    return Number(protocol) === CONNECTOR && (parseInt(groups, 16) & GROUP_BIT) !== 0;
  });
}

/** A daemon in the foreground, until it goes out of scope. */
async function startDaemon(whose: Whose): Promise<AsyncDisposable> {
  if (whose === "kernel") return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const program = whose === "original" ? original : ours;
  const process = new Deno.Command("sh", {
    args: ["-c", `exec ${program} -f >>/run/bench-${whose}.log 2>&1`],
  }).spawn();
  if (!await inTime(SLOWNESS_S, isListening)) throw new Error(`${whose} does not listen`);
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      process.kill("SIGTERM");
      await process.status;
    },
  };
}

let made = 0;

function table(whose: Whose, place: Place, region: number, more: readonly string[]): string {
  const device = place === "disk" ? [LOG_DEVICE] : [];
  const words = [...device, String(region), ...more];
  const own = [place === "disk" ? "disk" : "core", String(words.length), ...words];
  const type = place === "disk" ? "clustered-disk" : "clustered-core";
  // A UUID of its own each time: one that was there just now makes the original sleep.
  const uuid = [`LVM-bench-${++made}`, ...(whose === "ours" ? ["integrated_flush"] : [])];
  const clustered = ["userspace", String(uuid.length + 1 + words.length), ...uuid, type, ...words];
  const log = whose === "kernel" ? own : clustered;
  return `0 ${SECTORS} mirror ${log.join(" ")} 2 ${legs[0]} 0 ${legs[1]} 0`;
}

interface Written {
  readonly writes: number;
  readonly iops: number;
  readonly p99Ms: number;
}

function fio(...args: readonly string[]): Written {
  const common = "--name=load --filename=/dev/mapper/bench --bs=4k --direct=1 --ioengine=psync";
  const text = sh(
    `fio ${common} --thread --group_reporting --output-format=json ${args.join(" ")}`,
  );
  const { write } = JSON.parse(text.slice(text.indexOf("{"))).jobs[0];
  return {
    writes: write.total_ios,
    iops: write.iops,
    p99Ms: write.clat_ns.percentile["99.000000"] / 1e6,
  };
}

async function load(
  whose: Whose,
  what: string,
  place: Place,
  args: readonly string[],
): Promise<void> {
  const before = counts();
  const { writes, iops, p99Ms } = fio(...args);
  await pause(SETTLE_MS);
  const after = counts();
  figure(`${whose}/${what}: IOPS`, iops, "");
  figure(`${whose}/${what}: p99, ms`, p99Ms, "ms");
  if (place === "disk") {
    figure(`${whose}/${what}: KiB of log per write`, (after.logKiB - before.logKiB) / writes, "");
  }
  if (whose === "kernel") return;
  figure(`${whose}/${what}: requests per write`, (after.requests - before.requests) / writes, "");
  const multicasts = (after.multicasts - before.multicasts) / writes;
  figure(`${whose}/${what}: multicasts per write`, multicasts, "");
}

/** 128 writes, each to a region that nobody has written. */
const COLD = ["--rw=write:508k", `--size=${MEBIBYTES}M`, "--io_size=512k"];
const hot = (jobs: number): string[] => [
  ...["--rw=randwrite", "--time_based", `--runtime=${LOAD_S}`, `--numjobs=${jobs}`],
];

/** A daemon serves for months: what ours costs before V8 has compiled it has a row of its own, and is not in the others. */
async function measureWrites(whose: Whose): Promise<void> {
  sh(`dmsetup create bench --table "${table(whose, "memory", REGION_SECTORS, ["nosync"])}"`);
  await load(whose, "just started, 4 jobs", "memory", hot(4));
  sh("dmsetup remove bench");
  sh(`dmsetup create bench --table "${table(whose, "memory", REGION_SECTORS, ["nosync"])}"`);
  await load(whose, "regions at rest, 1 job", "memory", COLD);
  await load(whose, "1 job", "memory", hot(1));
  await load(whose, "4 jobs", "memory", hot(4));
  sh("dmsetup remove bench");
  sh(`dmsetup create bench --table "${table(whose, "disk", REGION_SECTORS, ["nosync"])}"`);
  await load(whose, "log on disk, 1 job", "disk", hot(1));
  sh("dmsetup remove bench");
}

/** The kernel says by an event when all is in sync: nothing is asked meanwhile. */
function resync(whose: Whose): void {
  const regions = SECTORS / RESYNC_REGION_SECTORS;
  sh("dmsetup create bench --notable");
  sh(`dmsetup load bench --table "${table(whose, "memory", RESYNC_REGION_SECTORS, [])}"`);
  const events = sh("dmsetup info -c --noheadings -o events bench");
  const before = counts();
  const began = uptime();
  sh(`dmsetup resume bench && timeout 300 dmsetup wait bench ${events}`);
  figure(`${whose}/resync: regions/s`, regions / (uptime() - began), "");
  const after = counts();
  if (!isInSync("bench")) throw new Error(`${whose}: not in sync: ${targetStatus("bench")}`);
  if (whose !== "kernel") {
    const requests = (after.requests - before.requests) / regions;
    const multicasts = (after.multicasts - before.multicasts) / regions;
    figure(`${whose}/resync: requests per region`, requests, "");
    figure(`${whose}/resync: multicasts per region`, multicasts, "");
  }
  sh("dmsetup remove bench");
}

sh("modprobe -a dm-mirror dm-log-userspace");
const [legOne, legTwo, log] = ramDisks(3, MEBIBYTES);
const legs = [legOne, legTwo];
sh(`dmsetup create bench-log --table "0 2048 linear ${log} 0"`);
const logNumber = sh("dmsetup info -c --noheadings --separator : -o major,minor bench-log");
countRequests();
check("corosync forms a cluster of one", await startCorosync(["127.0.0.1"]));
const all: readonly Whose[] = original === "-"
  ? ["kernel", "ours", "apart"]
  : ["kernel", "ours", "original", "apart"];
for (let round = 1; round <= Number(rounds); round++) {
  // In turns, and each as often before the other as behind it.
  for (const whose of round % 2 === 1 ? all : all.toReversed()) {
    note(`round ${round} of ${rounds}: ${whose}`);
    await using _daemon = await startDaemon(whose);
    await measureWrites(whose);
    resync(whose);
  }
}
check("all was measured", true);
