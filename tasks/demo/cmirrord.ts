/** A mirror of two nodes: one is pulled out in mid-write, the other goes on, the legs are compared; the demo tells of it */
// rig: nodes=2 shared=one:16M shared=two:16M shared=log:1M limit=400 memory=640M daemon=cmirrord needs=corosync needs=fio
//
// Notes are "KIND text": act, why, happens, and regions (what is known of them at a moment, as JSON).
import { check, crash, equal, meet, node, note, sh, uptime } from "../rig/guest/guest.ts";
import { startCorosync } from "../../tests/rig/helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "../../tests/rig/helpers/in_time.ts";
import {
  isInSync,
  logBits,
  Mirrord,
  targetStatus,
  Writer,
} from "../../tests/rig/helpers/mirror.ts";
import { type Bits, lastBits } from "./cmirrord_bits.ts";

const REGIONS = 64;
const REGION_KIB = 256;
/** What node 1 writes when it dies. */
const UNDER_WAY = [20, 21];
const [one, two, log] = ["one", "two", "log"].map((name) => sh(`readlink -f /dev/rig/${name}`));
const daemon = new Mirrord();

/** Node 2 tells the story: it lives. */
const tell = (kind: string, text: string): void => node === 2 ? note(`${kind} ${text}`) : undefined;
const write = (seconds: number, regions: readonly number[], ...more: string[]): Writer => {
  const [offset, size] = [regions[0] * REGION_KIB, regions.length * REGION_KIB];
  return new Writer("shared", seconds, `--offset=${offset}K`, `--size=${size}K`, ...more);
};
const half = Array.from({ length: REGIONS / 2 }, (_, i) => (node - 1) * REGIONS / 2 + i);

/** The daemon's bits, now. */
async function bits(): Promise<Bits | undefined> {
  const before = daemon.text().length;
  daemon.signal("SIGUSR1");
  let found: Bits | undefined;
  await inTime(
    SLOWNESS_S,
    () => (found = lastBits(daemon.text().slice(before), REGIONS)) !== undefined,
  );
  return found;
}

/** What a moment is called, which may depend on what is seen. */
type Title = string | ((seen: Bits | undefined) => string);

/** Hands back what is known of the regions; `differ` are those whose legs were compared and are not the same. */
async function look(title: Title, differ?: readonly number[]): Promise<Bits | undefined> {
  const disk = logBits(log, REGIONS);
  const [seen, at] = [await bits(), uptime()];
  const moment = typeof title === "string" ? title : title(seen);
  note(`regions ${JSON.stringify({ moment, at, ...seen, disk, differ })}`);
  return seen;
}

function zeros(bits = ""): number[] {
  return [...bits].flatMap((bit, region) => bit === "0" ? [region] : []);
}

/** The regions in which the legs are not the same, of all or of node 1's. */
function differing(regions = REGIONS, first = 0): number[] {
  const place = [`bs=${REGION_KIB}K`, `skip=${first}`, `count=${regions}`];
  const read = (leg: string): Uint8Array =>
    new Deno.Command("dd", { args: [`if=${leg}`, ...place, "iflag=direct", "status=none"] })
      .outputSync().stdout;
  const [left, right] = [read(one), read(two)];
  const bytes = REGION_KIB * 1024;
  const differ = (at: number): boolean => {
    for (let i = at * bytes; i < (at + 1) * bytes; i++) if (left[i] !== right[i]) return true;
    return false;
  };
  return Array.from({ length: regions }, (_, at) => at).filter(differ).map((at) => first + at);
}

/** Node 1's way to the second leg, which will be slow. */
const slow = "/dev/mapper/slow";
/** The first leg is as fast as ever: what is under way at any moment is on one leg and not on the other. */
const SLOW_MS = 1000;
sh("modprobe -a dm-mirror dm-log-userspace dm-delay");
if (node === 1) sh(`dmsetup create slow --table "0 $(blockdev --getsz ${two}) linear ${two} 0"`);
if (node === 1) sh(`for leg in ${one} ${two}; do head -c 16M /dev/urandom > $leg; done; sync`);
tell("act", "1. Two machines, one mirror");
tell(
  "why",
  "Two disks that are to be the same, written by two machines: somebody has to know what is not the same yet, or no more.",
);
const isUp = await daemon.start() &&
  await startCorosync(["10.77.0.1", "10.77.0.2"], { twoNode: true });
check(`node ${node}: cmirrord serves, corosync has two members`, isUp);
const table = sh(
  `cmirrord table --uuid LVM-shared --log ${log} --region 512 ${one} ${node === 1 ? slow : two}`,
);
const create = (): string => sh(`dmsetup create shared --table "${table}"`);
await meet("ready");
if (node === 1) create();
await meet("first");
if (node === 2) create();
tell("happens", "dmsetup create, on both nodes: legs of 16 MiB with random content, 64 regions");
await meet("both");

tell("act", "2. Both write while it is recovered");
const early = write(3, half);
if (node === 2) {
  // A busy host may be slower to start the writers than to copy 16 MiB.
  const isOver = (seen?: Bits): boolean => zeros(seen?.sync).length === 0;
  await look((seen) =>
    isOver(seen)
      ? "both write; the mirror is recovered already"
      : "both write, while the mirror is recovered"
  );
}
equal(`node ${node}: no write fails`, 0, (await early.end()).code);
await meet("written");
if (node === 2) {
  check(
    "every region comes to be in sync",
    await inTime(SLOWNESS_S, () => isInSync("shared")),
    targetStatus("shared"),
  );
  check(
    "and clean, on the log's disk, too",
    await inTime(SLOWNESS_S, () => !logBits(log, REGIONS).includes("0")),
  );
  await look("at rest");
}
await meet("rest");

tell("act", "3. Node 1 is pulled out in mid-write");
tell(
  "why",
  "What it had under way may have reached one leg and not the other. If anybody calls that clean, reads differ for ever.",
);
if (node === 1) {
  const delay = `${two} 0 0 ${two} 0 ${SLOW_MS}`;
  sh(`dmsetup reload slow --table "0 $(blockdev --getsz ${two}) delay ${delay}"`);
  sh("dmsetup suspend --nolockfs slow && dmsetup resume slow");
}
tell("happens", `node 1's way to the second leg is slow from now on: writes take ${SLOW_MS} ms`);
const late = node === 2
  ? write(16, half)
  : write(600, UNDER_WAY, "--ioengine=libaio", "--iodepth=16");
if (node === 1) {
  const isMarked = (): boolean =>
    UNDER_WAY.every((region) => logBits(log, REGIONS)[region] === "0");
  check(
    `node 1, the server, writes regions ${UNDER_WAY.join(" and ")}`,
    await inTime(SLOWNESS_S, isMarked),
  );
}
await meet("writing");
if (node === 1) {
  const isOnOneLegOnly = (): boolean => differing(UNDER_WAY.length, UNDER_WAY[0]).length > 0;
  check("its writes have reached the first leg only", await inTime(SLOWNESS_S, isOnOneLegOnly));
  crash();
}
await inTime(SLOWNESS_S, () => sh("ls /rig/node1").includes("ended"));
const began = uptime();
await look("node 1 has just lost its power");
tell("happens", "node 1 is off; node 2 writes on, in regions of its own");
check(
  "node 2 is told that it is alone, and is the server",
  await inTime(SLOWNESS_S, () => daemon.status()?.mirrors[0].members.join() === "2"),
);
tell("happens", `${(uptime() - began).toFixed(1)} s later, most of them corosync's patience`);
const end = await late.end();
equal("no write of node 2 has failed", 0, end.code);
const fields = end.text.split(";");
tell(
  "happens",
  `it wrote ${fields[46]} KiB; the longest write took ${(Number(fields[55]) / 1e6).toFixed(1)} s`,
);

tell("act", "4. The legs are compared");
check(
  "what node 2 has written comes to rest",
  await inTime(
    SLOWNESS_S,
    () => zeros(logBits(log, REGIONS)).every((region) => UNDER_WAY.includes(region)),
  ),
);
const differ = differing();
const seen = await look("node 2 has come to its end", differ);
tell(
  "happens",
  `the legs differ in ${differ.length} of ${REGIONS} regions${
    differ.length > 0 ? `: ${differ.join(", ")}` : ""
  }`,
);
equal(
  `regions ${UNDER_WAY.join(" and ")} are called dirty, and no other`,
  UNDER_WAY,
  zeros(seen?.clean),
);
check(
  "no region whose legs differ is called clean",
  differ.every((region) => seen?.clean[region] === "0"),
);
equal("the log on disk says the same", seen?.clean, logBits(log, REGIONS));

tell("act", "5. The mirror is activated again");
sh("dmsetup remove shared");
create();
const isClean = (): boolean => isInSync("shared") && !logBits(log, REGIONS).includes("0");
check("what was dirty is recovered", await inTime(SLOWNESS_S, isClean), logBits(log, REGIONS));
const left = differing();
await look("after the next activation", left);
equal("the legs are the same", [], left);
sh("dmsetup remove shared");
equal("cmirrord ends when it is told to", 0, await daemon.stop());
