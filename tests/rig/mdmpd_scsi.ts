/** SCSI disks that go offline, are pulled out, and come back under another name: known by what they call themselves */
// rig: limit=600 memory=768M daemon=mdmpd needs=mdadm
import { check, equal, figure, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import { isFaulty, isInUse, Mdmpd, read, record } from "./helpers/md.ts";

const INTERVAL_S = 3;
const DEBUG = "/sys/bus/pseudo/drivers/scsi_debug";
const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function write(path: string, word: string): void {
  Deno.writeTextFileSync(path, `${word}\n`);
}

function disks(): string[] {
  return [...Deno.readDirSync("/sys/block")].map(({ name }) => name)
    .filter((name) => name.startsWith("sd")).sort();
}

function rescan(): void {
  sh('for host in /sys/class/scsi_host/host*; do echo "- - -" > $host/scan; done');
}

const wwid = (disk: string): string =>
  Deno.readTextFileSync(`/sys/block/${disk}/device/wwid`).trim();

// Three hosts that lead to one disk.
sh("modprobe -a multipath sd_mod");
sh("modprobe scsi_debug dev_size_mb=16 add_host=3 vpd_use_hostno=0 delay=0");
await inTime(SLOWNESS_S, () => disks().length === 3);
const paths = disks();
equal("three paths lead to a disk of one name", 1, new Set(paths.map(wwid)).size);
const nodes = paths.map((name) => `/dev/${name}`).join(" ");
sh(`yes | mdadm --create /dev/md0 --level=multipath -n3 ${nodes} 2>&1`);
sh("head -c 4M /dev/urandom > /run/pattern");
sh("dd if=/run/pattern of=/dev/md0 bs=1M oflag=direct 2>&1");
const used = sh("sed -n 's/^DEVNAME=//p' /sys/block/md0/md/rd0/block/uevent");
const path = { kernelName: used };
const daemon = await Mdmpd.started("--interval", `${INTERVAL_S}`);

write(`/sys/block/${used}/device/state`, "offline");
check("a read works by another path", read("md0"));
check(
  "an offline disk fails",
  await inTime(SLOWNESS_S, () => isFaulty("md0", path)),
  record("md0"),
);
check("it is found offline", await daemon.says("SCSI state offline", SLOWNESS_S));
write(`/sys/block/${used}/device/state`, "running");
const healed = uptime();
const isBack = await inTime(SLOWNESS_S, () => isInUse("md0", path));
figure("from running to in use", uptime() - healed, "s");
check("running again, it is back", isBack, record("md0"));

const [, address] = /(\d+:\d+:\d+:\d+)$/.exec(Deno.readLinkSync(`/sys/block/${used}/device`)) ?? [];
write(`/sys/block/${used}/device/delete`, "1");
check("with a disk pulled out a read works", read("md0", 5));
check("its loss is told", await daemon.says(`PathLost /dev/md0 /dev/${used}`, SLOWNESS_S));

/** The disk that the pulled one's address has now. */
function successor(): string | undefined {
  return disks().find((name) =>
    Deno.readLinkSync(`/sys/block/${name}/device`).endsWith(`/${address}`)
  );
}

// Block for block the same, and yet another disk: it says so.
write(`${DEBUG}/vpd_use_hostno`, "1");
rescan();
await inTime(SLOWNESS_S, () => successor() !== undefined);
const other = successor() ?? "";
const [kept] = paths.filter((name) => name !== used);
check("a disk of another name is at its address", wwid(other) !== wwid(kept), wwid(other));
const looks = (): number =>
  daemon.text().split("\n").filter((line) => line.includes("device not there")).length;
const from = looks();
check("the lost one is looked for", await inTime(SLOWNESS_S, () => looks() >= from + 2));
await sleep(1);
check("the other is left alone", !record("md0").includes(`${other}[`), record("md0"));

write(`/sys/block/${other}/device/delete`, "1");
write(`${DEBUG}/vpd_use_hostno`, "0");
rescan();
await inTime(SLOWNESS_S, () => successor() !== undefined);
const found = successor() ?? "";
check("the disk is back under another name", found !== used, found);
check(
  "it is found, and in use",
  await inTime(SLOWNESS_S, () => isInUse("md0", { kernelName: found })),
  record("md0"),
);
check(
  "the name that it had has left the array",
  !record("md0").includes(`${used}[`),
  record("md0"),
);
const digest = (from: string): string => sh(`head -c 4M ${from} | sha256sum`);
equal("the data are what was written", digest("/run/pattern"), digest("/dev/md0"));
figure("from SIGTERM to the end", await daemon.stop(), "s");
daemon.show();
