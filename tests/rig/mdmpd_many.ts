/** Fifty arrays lose a path at once and get it back; another comes and goes, and none is taken for gone that is not */
// rig: limit=600 memory=1G daemon=mdmpd needs=dmsetup
import { check, equal, figure, uptime } from "../../tasks/rig/guest/guest.ts";
import { inTime } from "./helpers/in_time.ts";
import { isFaulty, isInUse, Mdmpd } from "./helpers/md.ts";
import { type Side, Slices } from "./helpers/md_slices.ts";

const ARRAYS = 50;
const INTERVAL_S = 5;
/** Emulated processors, others beside us, and many arrays. */
const SLOWNESS_S = 150;
const ROUNDS = 12;

const slices = new Slices(ARRAYS + 1);
const [restless, ...arrays] = slices.arrays;
const used = arrays.map((array) => ({ md: array.md, path: slices.inUse(array) }));
const [side] = [...new Set(used.map(({ path }) => path.name[0]))] as Side[];
const daemon = await Mdmpd.started("--interval", String(INTERVAL_S));
equal("all arrays are seen", ARRAYS + 1, daemon.status()?.arrays.length);

const count = (test: (md: string, path: { kernelName: string }) => boolean): number =>
  used.filter(({ md, path }) => test(md, path)).length;
// The text of so many arrays takes several reads; one that goes in between moves the others up.
for (let i = 0; i < ROUNDS; i++) {
  slices.stop(restless);
  await new Promise((resolve) => setTimeout(resolve, 10 + 8 * i));
  slices.assemble(restless);
}
check("an array that comes and goes is told", await daemon.says("NewArray /dev/md0", SLOWNESS_S));
slices.stop(restless);
const gone = daemon.events("DeviceDisappeared").filter((line) => !line.includes("/dev/md0:"));
equal("no other array is taken for gone meanwhile", [], gone);

slices.setSide(side, false);
slices.readAll(arrays);
check("every array loses its path", await inTime(SLOWNESS_S, () => count(isFaulty) === ARRAYS));
check(
  "every path is found dead",
  await inTime(SLOWNESS_S, () => daemon.events("PathProbeFailed").length === ARRAYS),
  `${daemon.events("PathProbeFailed").length}`,
);

slices.setSide(side, true);
const healed = uptime();
const isBack = await inTime(INTERVAL_S + SLOWNESS_S, () => count(isInUse) === ARRAYS);
figure("from healed to all in use", uptime() - healed, "s");
check("every path is back", isBack, `${count(isInUse)} of ${ARRAYS}`);
check(
  "every return is told, and no refusal",
  await inTime(SLOWNESS_S, () => daemon.events("SpareActive").length >= ARRAYS) &&
    daemon.events("PathRefused").length === 0,
);
figure("messages", daemon.text().split("\n").length, "lines");
figure("from SIGTERM to the end", await daemon.stop(), "s");
daemon.show();
