/** Two nodes write to one mirror while one recovers it; the server leaves, its daemon is killed, quorum is lost, and no write is */
// rig: nodes=2 shared=one:16M shared=two:16M shared=log:1M limit=600 memory=768M daemon=cmirrord needs=corosync
import { check, equal, figure, meet, node, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import {
  isInSync,
  logBits,
  Mirrord,
  mirrorTable,
  SteadyWriter,
  targetStatus,
} from "./helpers/mirror.ts";

const HALF_MIB = 8;
const REGIONS = 64;
const [one, two, log] = ["one", "two", "log"].map((name) => sh(`readlink -f /dev/rig/${name}`));
const daemon = new Mirrord();
const started = daemon.start();
sh("modprobe -a dm-mirror dm-log-userspace");
if (node === 1) sh(`for leg in ${one} ${two}; do head -c 16M /dev/urandom > $leg; done`);
check("the daemon starts", await started);
check("corosync has two members", await startCorosync(["10.77.0.1", "10.77.0.2"]));
const table = mirrorTable({
  ...{ uuid: "LVM-two", mebibytes: 2 * HALF_MIB, legs: [one, two], log, regionSectors: 512 },
});
const create = (): string => sh(`dmsetup create two --table "${table}"`);
/** Each node writes its own half. */
const write = (): SteadyWriter =>
  new SteadyWriter("two", { fromMib: (node - 1) * HALF_MIB, mebibytes: HALF_MIB });
const isGroupOf = (nodes: string): Promise<boolean> =>
  inTime(SLOWNESS_S, () => daemon.status()?.mirrors[0]?.members.join("") === nodes);
const comesToBeInSync = (): Promise<boolean> => inTime(SLOWNESS_S, () => isInSync("two"));

await meet("ready");
if (node === 1) create();
await meet("first");
const began = uptime();
if (node === 2) create();
let writer = write();
check("it comes to be in sync while both write", await comesToBeInSync(), targetStatus("two"));
figure("from the second node's join to in sync", uptime() - began, "s");
check("both are members", await isGroupOf("12"));
equal("the lowest is the server", 1, daemon.mirror("LVM-two").server);
await meet("synced");

// The server leaves in good order, and comes back, while the other writes.
if (node === 1) {
  equal("no write has failed while it was recovered", 0, await writer.stop());
  sh("dmsetup remove two");
} else {
  check("the server is gone", await isGroupOf("2"));
  equal("this node is the server", 2, daemon.mirror("LVM-two").server);
}
await meet("left");
if (node === 1) {
  create();
  writer = write();
}
check("the server is back", await isGroupOf("12"));
await meet("changed");

// Its daemon is killed while both write.
if (node === 1) {
  await daemon.kill();
  check("the server's daemon is replaced", await daemon.start());
  // As the service does behind each start: a kernel that has nothing to ask introduces no mirror.
  new Deno.Command("dmsetup", { args: ["status", "two"], stdout: "null" }).spawn();
} else check("its death is told", await daemon.says("the daemon of node 1 has died"));
check("its daemon is a member again", await isGroupOf("12"));
check("all is in sync", await comesToBeInSync(), targetStatus("two"));
await meet("written");

// The network is parted: neither half has quorum, and both stand still until it is whole.
if (node === 1) sh("ip link set to2 down");
check("it stands still without quorum", await daemon.says("there is no quorum"));
equal("its mirror is in no group", "joining", daemon.mirror("LVM-two").phase);

equal("nothing has gone out of sync", REGIONS, daemon.mirror("LVM-two").inSync);
await meet("parted");
if (node === 1) sh("ip link set to2 up");
check("both are members again", await isGroupOf("12"));
equal("there is quorum again", "quorate", daemon.status().quorum);
check("all is in sync behind it", await comesToBeInSync(), targetStatus("two"));
equal("no write has failed", 0, await writer.stop());
await meet("whole");
sh("dmsetup remove two");
await meet("removed");
if (node === 1) {
  // What a part could not know of the other stays dirty until the mirror is activated by its first node.
  create();
  const isClean = (): boolean => isInSync("two") && logBits(log, REGIONS) === "1".repeat(REGIONS);
  const cleaned = await inTime(SLOWNESS_S, isClean);
  check("the next activation cleans what was left dirty", cleaned, logBits(log, REGIONS));
  sh("dmsetup remove two");
}
equal("the daemon ends", 0, await daemon.stop());
daemon.show();
