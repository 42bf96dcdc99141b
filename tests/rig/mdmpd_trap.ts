/** A foreign or damaged disk in a failed path's place is never touched; the right one is put back */
// rig: limit=400 memory=1G daemon=mdmpd needs=mdadm needs=dmsetup
import { check, equal, eventually, figure, sh } from "../../tasks/rig/guest/guest.ts";
import {
  createMultipath,
  DiskPath,
  fail,
  isInUse,
  Mdmpd,
  ramDisks,
  read,
  record,
} from "./helpers/md.ts";

const INTERVAL_S = 2;
const MEBIBYTES = 32;
sh("modprobe multipath && modprobe loop");
// Without a name of any kind, what is on them has to tell.
const [disk, foreign, old, blank] = ramDisks(4, MEBIBYTES);
const [a, b] = [new DiskPath("pa", disk), new DiskPath("pb", disk)];
createMultipath("md0", [b, a]);
sh("head -c 4M /dev/urandom > /run/pattern");
sh("dd if=/run/pattern of=/dev/md0 bs=1M oflag=direct 2>&1");
sh(`dd if=${disk.device} of=${old.device} bs=1M oflag=direct 2>&1`);

// An array of another disk, as like ours as mdadm can make it.
const others = [new DiskPath("fa", foreign), new DiskPath("fb", foreign)];
createMultipath("md9", others);
sh("mdadm --stop /dev/md9 2>&1");
for (const path of others) sh(`dmsetup remove ${path.name}`);

const daemon = await Mdmpd.started("--interval", String(INTERVAL_S));
const sandbox = daemon.status()?.sandbox ?? "";
check("the daemon is confined", sandbox.includes("seccomp: "), sandbox);

check("the path that carries the I/O fails", await fail("md0", a), record("md0"));
check("a read by the other path works", read("md0", 5));
check("the path is found dead", await daemon.says("PathProbeFailed /dev/md0", 10));

/** Leads the failed path elsewhere and sees that nobody falls for it. */
async function isRefused(what: string, lead: () => void, reason: string): Promise<void> {
  const mark = daemon.text().length;
  lead();
  const isSaid = await daemon.says(reason, 15, mark);
  await new Promise((resolve) => setTimeout(resolve, 2.5 * INTERVAL_S * 1000));
  const said = daemon.text().slice(mark).split("\n").filter((line) => line.includes(reason));
  check(`${what} is refused`, isSaid, daemon.text().slice(mark));
  const loud = said.filter((line) => line.includes("PathRefused")).length;
  check(`${what} is spoken of once, test after test`, loud === 1, said.join("\n"));
  check(`${what} stays out`, !isInUse("md0", a), record("md0"));
}

const before = foreign.digest();
await isRefused("a disk of another array", () => a.lead(foreign), "belongs to array");
equal("the foreign disk is as it was", before, foreign.digest());
await isRefused("a blank disk", () => a.lead(blank), "no superblock");
const oldBefore = old.digest();
await isRefused("an exact copy of the disk", () => a.lead(old), "does not show through it");
equal("the copy is as it was", oldBefore, old.digest());
await isRefused("a smaller disk", () => a.lead(disk, disk.sectors - 8), "sectors instead of");
await isRefused(
  "a write-protected path",
  () => a.lead(disk, disk.sectors, "--readonly"),
  "write-protected",
);

const half = disk.sectors / 2;
a.table(`0 ${half} linear ${disk.device} 0\n${half} ${half} error`);
const mark = daemon.text().length;
check("a disk that works by halves is dead", await daemon.says("Input/output", 10, mark));
check("a disk that works by halves stays out", !isInUse("md0", a), record("md0"));

const began = performance.now();
a.lead(disk);
check("the right disk is put back", await eventually(20, () => isInUse("md0", a)), record("md0"));
figure("from healed to in use", (performance.now() - began) / 1000, "s");
sh("dd if=/dev/md0 of=/run/back bs=1M count=4 iflag=direct 2>&1");
equal("the data are what was written", sh("sha256sum < /run/pattern"), sh("sha256sum < /run/back"));
figure("the daemon ends", await daemon.stop(), "s");
check("the array can be stopped", sh("mdadm --stop /dev/md0 2>&1").includes("stopped"));
daemon.show();
