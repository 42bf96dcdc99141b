/** Three nodes write to one mirror while it is recovered and a node joins; the server's machine dies in mid-write, and nothing is lost */
// rig: nodes=3 shared=one:16M shared=two:16M shared=log:1M limit=600 memory=640M daemon=cmirrord needs=corosync needs=fio
import {
  check,
  crash,
  equal,
  figure,
  meet,
  node,
  sh,
  uptime,
} from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import { isInSync, logBits, Mirrord, targetStatus, Writer } from "./helpers/mirror.ts";

const REGIONS = 64;
const REGION_BYTES = 256 * 1024;
/** Each node writes regions of its own. */
const SHARE_MIB = 5;
const SHARE_REGIONS = SHARE_MIB * 4;
const ADDRESSES = ["10.77.0.1", "10.77.0.2", "10.77.0.3"];
const [one, two, log] = ["one", "two", "log"].map((name) => sh(`readlink -f /dev/rig/${name}`));
sh("modprobe -a dm-mirror dm-log-userspace");
if (node === 1) sh(`for leg in ${one} ${two}; do head -c 16M /dev/urandom > $leg; done; sync`);
const daemon = new Mirrord();
check("the daemon starts", await daemon.start());
check("corosync has three members", await startCorosync(ADDRESSES));
const table = sh(`cmirrord table --uuid LVM-three --log ${log} --region 512 ${one} ${two}`);
const create = (): string => sh(`dmsetup create three --table "${table}"`);
const write = (seconds: number): Writer =>
  new Writer("three", seconds, `--offset=${(node - 1) * SHARE_MIB}M`, `--size=${SHARE_MIB}M`);

/** What is on a leg, past every cache. */
function contents(device: string): Uint8Array {
  const args = [`if=${device}`, "bs=1M", "iflag=direct", "status=none"];
  return new Deno.Command("dd", { args }).outputSync().stdout;
}

/** The regions in which the legs are not the same. */
function differing(): number[] {
  const [left, right] = [contents(one), contents(two)];
  const differ = (region: number): boolean => {
    const end = (region + 1) * REGION_BYTES;
    for (let at = region * REGION_BYTES; at < end; at++) if (left[at] !== right[at]) return true;
    return false;
  };
  return Array.from({ length: REGIONS }, (_, region) => region).filter(differ);
}

await meet("ready");
if (node === 1) create();
await meet("first");
const began = uptime();
if (node !== 1) create();
const early = await write(4).end();
equal("no write fails while nodes join and the mirror is recovered", 0, early.code);
check(
  "it comes to be in sync",
  await inTime(SLOWNESS_S, () => isInSync("three")),
  targetStatus("three"),
);
figure("from the joins to in sync", uptime() - began, "s");
await meet("synced");
equal("all three are members", [1, 2, 3], daemon.status().mirrors[0].members);
await meet("told");

// The server's machine dies while all three write.
const late = write(14);
if (node === 1) {
  const isMarked = (): boolean => logBits(log, REGIONS).slice(0, SHARE_REGIONS).includes("0");
  check("its writes have marked regions", await inTime(SLOWNESS_S, isMarked));
  crash();
}
equal("no write fails over the server's death", 0, (await late.end()).code);
const [after] = daemon.status().mirrors;
equal("the others go on, with the next server", [[2, 3], 2], [after.members, after.server]);
await meet("survived", [2, 3]);
sh("dmsetup remove three");
await meet("removed", [2, 3]);

if (node === 2) {
  const dirty = [...logBits(log, REGIONS)].flatMap((bit, region) => bit === "0" ? [region] : []);
  const lost = differing();
  figure("regions whose legs the dead node has left different", lost.length, "");
  check(
    "none of them is clean",
    lost.every((region) => dirty.includes(region)),
    `${lost} ${dirty}`,
  );
  check("the dead node has left dirty regions", dirty.length > 0);
  check("nobody else has", dirty.every((region) => region < SHARE_REGIONS), `${dirty}`);
  create();
  const isClean = (): boolean => isInSync("three") && logBits(log, REGIONS) === "1".repeat(REGIONS);
  check(
    "the next activation recovers what the dead node has left",
    await inTime(SLOWNESS_S, isClean),
    logBits(log, REGIONS),
  );
  sh("dmsetup remove three");
}
// One node of three would stand still, without quorum.
await meet("recovered", [2, 3]);
equal("the daemon ends", 0, await daemon.stop());
daemon.show();
