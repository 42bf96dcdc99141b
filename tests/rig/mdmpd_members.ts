/** Members of raid1, 10, 4, 5 and 6 come back by their write-intent bitmap: what was missed is copied and nothing else; without one, never */
// rig: limit=600 memory=1G daemon=mdmpd needs=mdadm needs=dmsetup
import { check, equal, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import { DiskPath, isFaulty, isInUse, Mdmpd, ramDisks, record } from "./helpers/md.ts";

const INTERVAL_S = 3;
const MEBIBYTES = 16;
const LEVELS = [
  { level: "raid1", members: 2, bitmap: "internal" },
  { level: "raid10", members: 2, bitmap: "internal" },
  { level: "raid4", members: 3, bitmap: "internal" },
  { level: "raid5", members: 3, bitmap: "internal" },
  { level: "raid6", members: 4, bitmap: "internal" },
  { level: "raid1", members: 2, bitmap: "none" },
] as const;

sh("modprobe -a raid1 raid10 raid456");
const spares = ramDisks(LEVELS.reduce((sum, { members }) => sum + members, 0), MEBIBYTES);
const arrays = LEVELS.map((spec, i) => {
  const paths = spares.splice(0, spec.members).map((disk, k) => new DiskPath(`m${i}${k}`, disk));
  const nodes = paths.map(({ node }) => node).join(" ");
  const bitmap = spec.bitmap === "none" ? "none" : "internal --bitmap-chunk=64K";
  const chunk = spec.level === "raid1" ? "" : "--chunk=64";
  // Zeros are in step at every level.
  sh(
    `yes | mdadm --create /dev/md${i} --level=${spec.level} -n${spec.members} --assume-clean ` +
      `${chunk} --bitmap=${bitmap} ${nodes} 2>&1`,
  );
  return { ...spec, md: `md${i}`, path: paths[1], paths };
});
const withBitmap = arrays.filter(({ bitmap }) => bitmap === "internal");
const [first] = arrays;
const without = arrays[arrays.length - 1];

const personalities = ["multipath", ...new Set(LEVELS.map(({ level }) => level))].join(",");
const daemon = await Mdmpd.started("--interval", `${INTERVAL_S}`, "--personality", personalities);
equal("members are looked after", arrays.length, daemon.status()?.arrays.length);
// What is learned while all is well is what a member is known by later.
const learned = (): number => {
  const text = Deno.readTextFileSync("/run/mdmpd/state.json");
  return [...text.matchAll(/"deviceUuid"/g)].length;
};
const members = LEVELS.reduce((sum, { members }) => sum + members, 0);
check("all are known", await inTime(SLOWNESS_S, () => learned() === members), `${learned()}`);

const write = (md: string, seek: number): string =>
  sh(`dd if=/dev/urandom of=/dev/${md} bs=64k count=32 seek=${seek} oflag=direct 2>&1`);
const attribute = (md: string, name: string): string =>
  Deno.readTextFileSync(`/sys/block/${md}/md/${name}`).trim();
/** In sectors, since the device was made; the seventh field of Documentation/block/stat.rst. */
const written = ({ kernelName }: DiskPath): number =>
  Number(Deno.readTextFileSync(`/sys/block/${kernelName}/stat`).trim().split(/\s+/)[6]);

for (const { path } of arrays) path.kill();
for (const { md } of arrays) write(md, 20);
for (const { md, path } of arrays) {
  check(`${md} loses a member`, await inTime(SLOWNESS_S, () => isFaulty(md, path)), record(md));
}
for (const { md } of arrays) {
  check(`${md}: it is found dead`, await daemon.says(`PathProbeFailed /dev/${md}`, SLOWNESS_S));
  write(md, 40);
}
first.path.lead(without.paths[0].disk);
check(
  "a member of another array is refused",
  await daemon.says("belongs to array", SLOWNESS_S) && !isInUse(first.md, first.path),
  record(first.md),
);

const before = withBitmap.map(({ path }) => written(path));
for (const { path } of arrays) path.heal();
for (const { md, path, level } of withBitmap) {
  check(
    `a member of a ${level} with a bitmap is back`,
    await inTime(SLOWNESS_S, () => isInUse(md, path)),
    record(md),
  );
}
const isIdle = ({ md }: { md: string }): boolean => attribute(md, "sync_action") === "idle";
check("all is in step again", await inTime(SLOWNESS_S, () => withBitmap.every(isIdle)));
withBitmap.forEach(({ path, level }, i) => {
  const sectors = written(path) - before[i];
  figure(`${level}: written to the member, of ${path.disk.sectors} sectors`, sectors, "sectors");
  check(
    `${level}: what was missed is copied, and not the whole`,
    sectors > 0 && sectors < path.disk.sectors / 2,
    `${sectors}`,
  );
});
for (const { md } of withBitmap) {
  Deno.writeTextFileSync(`/sys/block/${md}/md/sync_action`, "check\n");
}
check("md's own check ends", await inTime(SLOWNESS_S, () => withBitmap.every(isIdle)));
equal(
  "and finds no difference",
  withBitmap.map(() => "0"),
  withBitmap.map(({ md }) => attribute(md, "mismatch_cnt")),
);
check(
  "without a bitmap, a member waits for its administrator",
  await daemon.says("no write-intent bitmap", SLOWNESS_S) && !isInUse(without.md, without.path),
  record(without.md),
);

sh(`mdadm /dev/${first.md} --fail ${first.paths[0].node} 2>&1`);
check(
  "a member that was failed by hand stays out",
  await daemon.says(`PathHeld /dev/md0 /dev/${first.paths[0].kernelName}`, SLOWNESS_S),
);
figure("from SIGTERM to the end", await daemon.stop(), "s");
daemon.show();
