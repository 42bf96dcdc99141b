/** Two nodes write to one mirror while one recovers it; the server leaves, its daemon is killed, and nothing is lost */
// rig: nodes=2 shared=one:16M shared=two:16M shared=log:1M limit=400 memory=768M daemon=cmirrord needs=corosync needs=fio
import { check, equal, figure, meet, node, note, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import { isInSync, logBits, Mirrord, targetStatus, Writer } from "./helpers/mirror.ts";

const HALF_MIB = 8;
const [one, two, log] = ["one", "two", "log"].map((name) => sh(`readlink -f /dev/rig/${name}`));
sh("modprobe -a dm-mirror dm-log-userspace");
if (node === 1) sh(`for leg in ${one} ${two}; do head -c 16M /dev/urandom > $leg; done`);
const daemon = new Mirrord();
check("the daemon starts", await daemon.start());
check("corosync has two members", await startCorosync(["10.77.0.1", "10.77.0.2"]));
const table = sh(`cmirrord table --uuid LVM-two --log ${log} --region 512 ${one} ${two}`);
const create = (): string => sh(`dmsetup create two --table "${table}"`);
/** Each node writes its own half. */
const write = (seconds: number): Writer =>
  new Writer("two", seconds, `--offset=${(node - 1) * HALF_MIB}M`, `--size=${HALF_MIB}M`);

await meet("ready");
if (node === 1) create();
await meet("first");
const began = uptime();
if (node === 2) create();
await meet("both");
const early = await write(5).end();
equal("no write fails while the mirror is recovered", 0, early.code);
check(
  "it comes to be in sync",
  await inTime(SLOWNESS_S, () => isInSync("two")),
  targetStatus("two"),
);
figure("from the second node's join to in sync", uptime() - began, "s");
equal("both are members", [1, 2], daemon.status().mirrors[0].members);
equal("the lowest is the server", 1, daemon.status().mirrors[0].server);
await meet("synced");

// The server leaves in good order, and comes back, while the other writes.
const late = node === 2 ? write(7) : undefined;
if (node === 1) {
  sh("sleep 2; dmsetup remove two");
  create();
}
const lateEnd = await late?.end();
if (node === 2) equal("no write fails while the server changes", 0, lateEnd?.code);
await meet("changed");

// The server's daemon is killed while both write.
const writer = write(8);
if (node === 1) {
  sh("sleep 2");
  await daemon.kill();
  check("the server's daemon is replaced", await daemon.start());
}
const end = await writer.end();
equal("no write fails while the server's daemon is away", 0, end.code);
note(end.text.split(";").slice(46, 50).join(" "));
check("all is in sync", await inTime(SLOWNESS_S, () => isInSync("two")), targetStatus("two"));
await meet("written");

// The network is parted: neither half has quorum, and both stand still until it is whole.
const parted = write(8);
if (node === 1) {
  sh("ip link set to2 down");
  check("it stands still without quorum", await daemon.says("there is no quorum"));
  sh("sleep 3; ip link set to2 up");
}
const partedEnd = await parted.end();
equal("no write fails over a partition", 0, partedEnd.code);
check(
  "there is quorum again",
  await inTime(SLOWNESS_S, () => daemon.status().quorum === "quorate"),
);
check(
  "all is in sync behind it",
  await inTime(SLOWNESS_S, () => isInSync("two")),
  targetStatus("two"),
);
await meet("whole");
sh("dmsetup remove two");
await meet("removed");
if (node === 1) {
  // What a part could not know of the other stays dirty until the mirror is activated by its first node.
  create();
  const isClean = (): boolean => isInSync("two") && logBits(log, 64) === "1".repeat(64);
  check(
    "the next activation cleans what was left dirty",
    await inTime(SLOWNESS_S, isClean),
    logBits(log, 64),
  );
  sh("dmsetup remove two");
}
equal("the daemon ends", 0, await daemon.stop());
daemon.show();
