/** One mirror of two nodes, of which the first runs the C daemon of lvm2 and the second ours: each is the server in turn */
// rig: nodes=2 shared=one:16M shared=two:16M shared=log:1M limit=600 memory=768M daemon=cmirrord needs=corosync needs=fio
// Argument: the C daemon.
import { check, equal, meet, node, note, sh } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import {
  differingRegions,
  isInSync,
  logBits,
  Mirrord,
  mirrorTable,
  targetStatus,
  Writer,
} from "./helpers/mirror.ts";
import { OriginalMirrord } from "./helpers/original_mirrord.ts";

const MEBIBYTES = 16;
const REGIONS = 64;
const REGION_SECTORS = 512;
const [original] = Deno.args;
const [one, two, log] = ["one", "two", "log"].map((name) => sh(`readlink -f /dev/rig/${name}`));
sh("modprobe -a dm-mirror dm-log-userspace");
if (node === 1) sh(`for leg in ${one} ${two}; do head -c 16M /dev/urandom > $leg; done`);
// The C daemon finds log devices below /dev/mapper only (D13).
sh(`dmsetup create mixed-log --table "0 2048 linear ${log} 0"`);
const ours = node === 2 ? new Mirrord() : undefined;
const daemon = ours ?? new OriginalMirrord(original);
check("the daemon starts", await daemon.start());
check("corosync has two members", await startCorosync(["10.77.0.1", "10.77.0.2"]));

const table = mirrorTable({
  uuid: "LVM-mixed",
  legs: [one, two],
  mebibytes: MEBIBYTES,
  log: "/dev/mapper/mixed-log",
  regionSectors: REGION_SECTORS,
  // What the C daemon can do (D11), and what does not hang where it loses a message (D8).
  integratedFlush: false,
  handleErrors: false,
});
const create = (): string => sh(`dmsetup create mixed --table "${table}"`);
const remove = (): string => sh("dmsetup remove mixed");
/** Each node writes its own half. */
const write = (seconds: number): Writer => {
  const half = MEBIBYTES / 2;
  return new Writer("mixed", seconds, `--offset=${(node - 1) * half}M`, `--size=${half}M`);
};
/** Both nodes' own word: every region is in sync. */
async function settle(when: string): Promise<void> {
  const isSynced = await inTime(SLOWNESS_S, () => isInSync("mixed"));
  check(`all is in sync ${when}`, isSynced, targetStatus("mixed"));
  if (ours !== undefined) {
    equal(`both are members ${when}`, [1, 2], ours.mirror("LVM-mixed").members);
  }
  await meet(when);
}

// The C daemon is the first member, and the server: ours joins its recovery.
await meet("ready");
if (node === 1) create();
await meet("first");
if (node === 2) create();
await meet("both");
equal("no write fails while the mirror is recovered", 0, (await write(4).end()).code);
await settle("with the C daemon as the server");

// It leaves, and ours is the server.
const left = node === 2 ? write(5) : undefined;
if (node === 1) {
  sh("sleep 1");
  remove();
}
await meet("left");
if (ours !== undefined) equal("ours serves", 2, ours.mirror("LVM-mixed").server);
await meet("served");
// It joins, and is the server again.
if (node === 1) create();
const late = node === 1 ? write(4) : left;
equal("no write fails while the server changes", 0, (await late?.end())?.code);
await meet("back");
await settle("with the C daemon back");

// Ours leaves and joins, while the C daemon's node writes.
const last = node === 1 ? write(4) : undefined;
if (node === 2) {
  sh("sleep 1");
  remove();
  create();
}
const end = await (last ?? write(3)).end();
equal("no write fails while ours leaves and joins", 0, end.code);
await settle("with ours back");

// The C daemon goes first: what it has left in the log is read by ours, alone.
if (node === 1) remove();
await meet("one gone");
if (node === 2) remove();
await meet("both gone");
if (node === 1) {
  const bits = logBits(log, REGIONS);
  const differing = differingRegions(one, two, REGIONS);
  const wrong = differing.filter((region) => bits[region] === "1");
  equal("no region is clean in the log whose legs differ", [], wrong);
  note(`clean: ${bits}, different: ${differing}`);
}
await meet("compared");
if (node === 2) {
  create();
  const isClean = (): boolean => isInSync("mixed") && logBits(log, REGIONS) === "1".repeat(REGIONS);
  check(
    "ours cleans what was left dirty",
    await inTime(SLOWNESS_S, isClean),
    logBits(log, REGIONS),
  );
  remove();
}
await meet("clean");
equal("the daemon ends", 0, await daemon.stop());
note(daemon.text().slice(-3_000));
