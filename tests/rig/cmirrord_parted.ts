/** Two nodes make a mirror by the commands of the manual page; their network is parted without a quorum, while both write, and heals */
// rig: nodes=2 shared=one:16M shared=two:16M shared=log:1M limit=300 memory=640M daemon=cmirrord needs=corosync
import { literalBlocks } from "../man/examples.ts";
import { check, equal, figure, meet, node, note, sh } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import {
  differingRegions,
  isInSync,
  logBits,
  Mirrord,
  SteadyWriter,
  targetStatus,
} from "./helpers/mirror.ts";

const HALF_MIB = 8;
const REGIONS = 32;
const page = Deno.readTextFileSync(new URL("../../daemons/cmirrord/cmirrord.8", import.meta.url));
const [onOne, onBoth, watch, takeOut] = literalBlocks(page).map((block) =>
  block.split(/^# /m).slice(1)
);
note([onOne, onBoth, watch, takeOut].map((block) => block.join("\n")).join("\n\n"));
const disks = { one: "/dev/sdb", two: "/dev/sdc", log: "/dev/sdd" };
for (const [name, path] of Object.entries(disks)) {
  sh(`ln -s $(readlink -f /dev/rig/${name}) ${path}`);
}
if (node === 1) {
  for (const [disk, size] of [["sdb", 16], ["sdc", 16], ["sdd", 1]]) {
    sh(`head -c ${size}M /dev/urandom >/dev/${disk}`);
  }
}
const addresses = ["10.77.0.1", "10.77.0.2"];
check("corosync has two members", await startCorosync(addresses, { provider: false }));
await meet("ready");
if (node === 1) { for (const command of onOne) sh(command); }
await meet("emptied");
for (const command of onBoth) sh(command);
const daemon = new Mirrord();
const shown = watch.map((command) => sh(command)).join("\n");
note(shown);
check("the manual's commands show the mirror", shown.includes("LVM-shared"), shown);
const synced = await inTime(SLOWNESS_S, () => isInSync("shared"));
check("the manual's commands make a mirror that comes to be in sync", synced);
const members = (): string => daemon.mirror("LVM-shared").members.join();
// One may be done before the other has begun.
check("it has two members", await inTime(SLOWNESS_S, () => members() === "1,2"), members());
equal("there is no quorum to be asked for", "none", daemon.status().quorum);
await meet("synced");
if (node === 1) {
  equal("its legs are the same", [], differingRegions("/dev/sdb", "/dev/sdc", REGIONS));
}
await meet("compared");

// Each part goes on by itself: nobody says which one has to stand still.
const writer = new SteadyWriter("shared", { fromMib: (node - 1) * HALF_MIB, mebibytes: HALF_MIB });
const isWritten = (): boolean => daemon.mirror("LVM-shared").marks.length === 2;
check("both write", await inTime(SLOWNESS_S, isWritten));
await meet("writing");
if (node === 1) sh("ip link set to2 down");
const isSole = (): boolean => daemon.mirror("LVM-shared").members.length === 1;
check("each part is a group of its own", await inTime(SLOWNESS_S, isSole));
equal("each has its own server", node, daemon.mirror("LVM-shared").server);
const told = daemon.metric("notices_total");
check("it is told that the other is gone", told > 0, `${told}`);
figure("regions that the other had marked", daemon.mirror("LVM-shared").orphanMarks, "");
const flushes = (): number => daemon.metric('requests_total{type="FLUSH"}');
const before = flushes();
check("each part writes on", await inTime(SLOWNESS_S, () => flushes() > before));
await meet("parted");
if (node === 1) sh("ip link set to2 up");
const isWhole = (): boolean => daemon.mirror("LVM-shared").members.length === 2;
check("the parts meet", await inTime(SLOWNESS_S, isWhole));
const hasTold = (): boolean => daemon.metric("notices_total") > told;
check("it is told that they are merged", await inTime(SLOWNESS_S, hasTold));
equal("no write has failed", 0, await writer.stop());
await meet("written");
const { inSync, server } = daemon.mirror("LVM-shared");
equal("both have one server again", 1, server);
note(`${inSync} in sync, ${targetStatus("shared")}`);
for (const command of takeOut) sh(command);
await meet("removed");

if (node === 1) {
  const bits = logBits("/dev/sdd", REGIONS);
  figure("regions that are dirty at the end", bits.match(/0/g)?.length ?? 0, "");
  const lost = differingRegions("/dev/sdb", "/dev/sdc", REGIONS).filter((region) =>
    bits[region] === "1"
  );
  equal("no region is clean whose legs differ", [], lost);
  sh(onBoth.find((command) => command.startsWith("dmsetup create")) ?? "false");
  const isClean = (): boolean =>
    isInSync("shared") && logBits("/dev/sdd", REGIONS) === "1".repeat(REGIONS);
  check(
    "the next activation recovers them",
    await inTime(SLOWNESS_S, isClean),
    logBits("/dev/sdd", REGIONS),
  );
  for (const command of takeOut) sh(command);
}
sh("kill $(cat /run/cmirrord.pid)");
