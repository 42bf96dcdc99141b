/** Fifty arrays lose a path at once and get it back */
// rig: limit=900 memory=1500M daemon=mdmpd needs=mdadm needs=dmsetup
import { check, equal, eventually, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { isFaulty, isInUse, Mdmpd } from "./helpers/md.ts";

const ARRAYS = 50;
const SLICE_SECTORS = 4096;
const INTERVAL_S = 15;
/** Emulated processors. */
const SLOWNESS_S = 60;

sh("modprobe multipath && modprobe brd rd_nr=1 rd_size=131072");
const numbers = Array.from({ length: ARRAYS }, (_, i) => i);
/** A path is a slice of the one disk; the shell does all of them at once, since each program takes long to start here. */
function onAll(command: (i: number) => string): void {
  sh(numbers.map(command).join("\n"));
}
const good = (i: number): string => `0 ${SLICE_SECTORS} linear /dev/ram0 ${i * SLICE_SECTORS}`;
const dead = `0 ${SLICE_SECTORS} error`;
onAll((i) =>
  `dmsetup create a${i} --table "${good(i)}"; dmsetup create b${i} --table "${good(i)}"
   yes | mdadm --create /dev/md${i} -e 0.90 --level=multipath -n2 /dev/mapper/b${i} /dev/mapper/a${i} >/dev/null 2>&1`
);
const paths = numbers.map((i) => ({
  md: `md${i}`,
  kernelName: sh(`cat /sys/block/md${i}/md/rd0/block/uevent | sed -n 's/^DEVNAME=//p'`),
  name: sh(
    `dmsetup info -c --noheadings -o name /dev/$(sed -n 's/^DEVNAME=//p' /sys/block/md${i}/md/rd0/block/uevent)`,
  ),
}));
const exchange = (name: string, table: string): string =>
  `dmsetup reload ${name} --table "${table}" && dmsetup suspend --noflush --nolockfs ${name} && dmsetup resume ${name}`;

const daemon = await Mdmpd.started("--interval", String(INTERVAL_S));
equal("all arrays are seen", ARRAYS, daemon.status()?.arrays.length);
onAll((i) => exchange(paths[i].name, dead));
onAll((i) => `dd if=/dev/md${i} of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || true`);
const count = (test: (md: string, path: { kernelName: string }) => boolean): number =>
  paths.filter(({ md, ...path }) => test(md, path)).length;
check("every array loses its path", await eventually(60, () => count(isFaulty) === ARRAYS));
check(
  "every path is found dead",
  await eventually(120, () => daemon.events("PathProbeFailed").length >= ARRAYS),
);
onAll((i) => exchange(paths[i].name, good(i)));
const began = performance.now();
check(
  "every path is back",
  await eventually(INTERVAL_S + 2 + SLOWNESS_S, () => count(isInUse) === ARRAYS),
  `${count(isInUse)} of ${ARRAYS}`,
);
figure("from healed to all in use", (performance.now() - began) / 1000, "s");
check("it ends at once", await daemon.stop() < 3);
figure("messages", daemon.text().split("\n").length, "lines");
