/** Whatever may lie in a failed path's place is left alone unless it is the path: foreign, blank, copied, cut, protected, half dead, hanging */
// rig: limit=600 memory=1G daemon=mdmpd needs=dmsetup
import { check, equal, figure, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { inTime } from "./helpers/in_time.ts";
import { isFaulty, isInUse, Mdmpd, record } from "./helpers/md.ts";
import {
  DATA_BYTES,
  DEAD,
  exchange,
  lineTo,
  placeOf,
  SLICE_SECTORS,
  type SliceArray,
  Slices,
} from "./helpers/md_slices.ts";

const INTERVAL_S = 2;
const TIMEOUT_S = 2;
const DELAY_MS = 30_000;
/** Emulated processors, others beside us, and many arrays. */
const SLOWNESS_S = 90;
const HALF = SLICE_SECTORS / 2;

/** What lies in a failed path's place, and what the daemon is to say of it. */
interface Trap {
  readonly what: string;
  readonly says: RegExp;
  /** How often PathRefused may be told: for each reason once, for what does not answer never. */
  readonly refused: readonly number[];
  /** A dm table; `own` is the slice of the right disk, `other` one of the same size that nothing else uses. */
  readonly table: (own: number, other: number) => string;
  /** What else has to be done for it before. */
  readonly prepare?: (own: number, other: number) => void;
  readonly options?: string;
}

const elsewhere = (_: number, other: number): string => lineTo(other);
const TRAPS: readonly Trap[] = [
  {
    what: "a disk of another array",
    says: /belongs to array/,
    refused: [1],
    table: elsewhere,
    prepare: (_, other) => slices.writeSuperblocks([other]),
  },
  { what: "a blank disk", says: /no superblock/, refused: [1], table: elsewhere },
  {
    what: "a copy from before the last writes",
    says: /count of events|blocks differ/,
    refused: [1],
    table: elsewhere,
  },
  {
    what: "an exact copy of the disk",
    says: /does not show through it|count of events/,
    // By the mark that md makes, and from then on by the count of events, which the copy has not got.
    refused: [1, 2],
    table: elsewhere,
    prepare: (own, other) => slices.copy(own, other),
  },
  {
    what: "a smaller disk",
    says: /sectors instead of/,
    refused: [1],
    table: (own) => lineTo(own, SLICE_SECTORS - 8),
  },
  {
    what: "a write-protected path",
    says: /write-protected/,
    refused: [1],
    table: (own) => lineTo(own),
    options: "--readonly",
  },
  {
    what: "a disk that reads wrongly",
    says: /wrong checksum/,
    refused: [1],
    table: (own) => `0 ${SLICE_SECTORS} flakey ${placeOf(own)} 0 3600 5 corrupt_bio_byte 200 r 7 0`,
  },
  {
    what: "a disk that ends before it says",
    says: /blocks differ|Input\/output error/,
    refused: [1],
    table: () => `0 ${SLICE_SECTORS} linear /dev/loop0 0`,
    prepare: (own) => {
      Deno.writeFileSync("/run/cut", slices.contents(own));
      sh("losetup /dev/loop0 /run/cut && truncate -s 1536K /run/cut");
    },
  },
  {
    what: "a disk that works by halves",
    says: /Input\/output error/,
    refused: [0],
    table: (own) => `${lineTo(own, HALF)}\n${HALF} ${HALF} error`,
  },
  {
    what: "a disk that answers too late",
    says: /no answer in/,
    refused: [0],
    table: (own) => `0 ${SLICE_SECTORS} delay ${placeOf(own)} ${DELAY_MS}`,
  },
  {
    what: "a disk that never answers",
    says: /no answer in/,
    refused: [0],
    table: (own) => lineTo(own),
  },
];
const STALE = TRAPS.findIndex(({ what }) => what.includes("before the last"));
const HANGING = TRAPS.findIndex(({ what }) => what.includes("never"));

sh("modprobe -a dm-flakey dm-delay loop");
const slices = new Slices(TRAPS.length, TRAPS.length);
const arrays = slices.arrays.map((array, i) => ({
  ...array,
  trap: TRAPS[i],
  other: TRAPS.length + i,
  path: slices.inUse(array),
}));
slices.copy(STALE, arrays[STALE].other);
const pattern = crypto.getRandomValues(new Uint8Array(65_536));
const data = new Uint8Array(DATA_BYTES).map((_, i) => pattern[i % pattern.length] ^ (i >> 16));
for (const { md } of arrays) {
  using file = Deno.openSync(`/dev/${md}`, { write: true });
  for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
  file.syncSync();
}

Deno.writeTextFileSync("/run/mdmpd.conf", `probe_timeout = ${TIMEOUT_S}\n`);
const daemon = await Mdmpd.started("--config", "/run/mdmpd.conf", "--interval", `${INTERVAL_S}`);
exchange(arrays.map(({ path }) => ({ path, table: DEAD })));
sh("echo 1 > /proc/sys/vm/drop_caches");
slices.readAll();
check(
  "the paths that carry the I/O fail",
  await inTime(SLOWNESS_S, () => arrays.every(({ md, path }) => isFaulty(md, path))),
);
const dead = (): number => daemon.events("PathProbeFailed").length;
check("all are found dead", await inTime(SLOWNESS_S, () => dead() === arrays.length), `${dead()}`);

/** What is said of an array's failed path from a length of the log on. */
function said({ md, path }: SliceArray & { path: { kernelName: string } }, mark: number): string[] {
  const [tested, told] = [`${path.kernelName} of ${md}: `, `/dev/${md} /dev/${path.kernelName}: `];
  return daemon.text().slice(mark).split("\n")
    .filter((line) => line.includes(tested) || line.includes(told));
}

for (const { trap, slice, other } of arrays) trap.prepare?.(slice, other);
const before = arrays.map(({ other }) => slices.contents(other));
const mark = daemon.text().length;
exchange(
  arrays.filter((_, i) => i !== HANGING).map(({ trap, path, slice, other }) => ({
    path,
    table: trap.table(slice, other),
    options: trap.options ?? "",
  })),
);
// Its new table comes into force when it is resumed.
const { path: hanging, slice } = arrays[HANGING];
sh(
  `dmsetup reload ${hanging.name} --table "${lineTo(slice)}" &&
   dmsetup suspend --noflush --nolockfs ${hanging.name}`,
);
type Failed = typeof arrays[number];
const isSaid = (array: Failed): boolean =>
  said(array, mark).some((line) => array.trap.says.test(line));
const isAgain = ({ md, path }: Failed): boolean => isInUse(md, path);

/** Checks something of each array, once it holds of all or the time is over. */
async function checkEach(
  name: (what: string) => string,
  holds: (array: Failed) => boolean,
): Promise<void> {
  await inTime(SLOWNESS_S, () => arrays.every(holds));
  for (const array of arrays) {
    const isTrue = holds(array);
    check(name(array.trap.what), isTrue, isTrue ? "" : said(array, mark).join("\n"));
  }
}

await checkEach((what) => `${what} is recognised`, isSaid);
const refused = arrays.filter(({ trap }) => trap.refused[0] > 0);
const tests = (): number =>
  Math.min(
    ...refused.map((array) =>
      said(array, mark).filter((line) => line.includes("mdmpd.core")).length
    ),
  );
const from = tests();
check("all are tested again and again", await inTime(SLOWNESS_S, () => tests() >= from + 2));
for (const array of arrays) {
  const { trap, md, path } = array;
  const loud = said(array, mark).filter((line) => line.includes("PathRefused"));
  check(
    `${trap.what} is told loudly, and not too often`,
    trap.refused.includes(loud.length),
    loud.join("\n"),
  );
  check(`${trap.what} stays out`, !isInUse(md, path), record(md));
}
const after = arrays.map(({ other }) => slices.contents(other));
const changed = arrays.filter((_, i) => after[i].some((byte, at) => byte !== before[i][at]));
equal("nothing was written to any other disk", [], changed.map(({ trap }) => trap.what));

sh(`dmsetup resume ${hanging.name}`);
exchange(arrays.map(({ path, slice }) => ({ path, table: lineTo(slice) })));
const healed = uptime();
await checkEach((what) => `the right one in the place of ${what} is put back`, isAgain);
figure("from healed to all in use", uptime() - healed, "s");
sh("echo 1 > /proc/sys/vm/drop_caches");
const damaged = arrays.filter(({ md }) => {
  const found = Deno.readFileSync(`/dev/${md}`);
  return found.length !== data.length || found.some((byte, at) => byte !== data[at]);
});
equal("the data are what was written", [], damaged.map(({ trap }) => trap.what));
figure("from SIGTERM to the end", await daemon.stop(), "s");
slices.stop(slices.arrays[0]);
check("an array can be stopped", record("md0") === "");
daemon.show();
