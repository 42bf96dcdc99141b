/** A path that fails under I/O stays out while it is dead and is back soon after it heals: metadata 0.90 and 1.2, and none */
// rig: limit=400 memory=1G daemon=mdmpd needs=mdadm needs=dmsetup
import { check, equal, eventually, figure, sh } from "../../tasks/rig/guest/guest.ts";
import {
  createMultipath,
  DiskPath,
  isFaulty,
  isInUse,
  Mdmpd,
  ramDisks,
  read,
  record,
} from "./helpers/md.ts";

const INTERVAL_S = 5;
/** Emulated processors: a child of the daemon takes seconds to start there, and tens of milliseconds elsewhere. */
const SLOWNESS_S = 30;
const DEAD_S = 20;

sh("modprobe multipath");
const disks = ramDisks(3, 32);
const arrays = disks.map((disk, i) => {
  const paths = [new DiskPath(`p${i}a`, disk), new DiskPath(`p${i}b`, disk)] as const;
  return { md: `md${i}`, paths, metadata: (["0.90", "1.2", "none"] as const)[i] };
});
for (const { md, paths: [a, b], metadata } of arrays) {
  if (metadata === "none") {
    sh(`mdadm --build /dev/${md} --level=multipath -n2 ${a.node} ${b.node} 2>&1`);
  } else createMultipath(md, [b, a], metadata);
  sh(
    `head -c 8M /dev/urandom > /run/pattern-${md} && dd if=/run/pattern-${md} of=/dev/${md} bs=1M oflag=direct 2>&1`,
  );
}

const daemon = await Mdmpd.started("--interval", String(INTERVAL_S));
equal("all arrays are seen", 3, daemon.status()?.arrays.length);

// Reads without end, each of which has to succeed as long as one path lives.
sh(
  "cat > /run/reader <<'END'\nwhile [ ! -e /run/stop ]; do\n  for md in md0 md1 md2; do\n" +
    "    dd if=/dev/$md of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null || echo $md >> /run/errors\n" +
    "    echo >> /run/reads\n  done\n  sleep 1\ndone\nEND",
);
const reader = new Deno.Command("sh", { args: ["/run/reader"] }).spawn();

const failing = arrays.map(({ md, paths }) => ({
  md,
  path: paths.find((path) => isSlot0(md, path)) ?? paths[0],
}));
function isSlot0(md: string, { kernelName }: DiskPath): boolean {
  return sh(`cat /sys/block/${md}/md/dev-${kernelName}/slot`) === "0";
}
for (const { path } of failing) path.kill();
for (const { md, path } of failing) {
  check(
    `${md}: the path fails under I/O`,
    await eventually(15, () => isFaulty(md, path)),
    record(md),
  );
}
for (const { md } of failing) {
  check(`${md}: the path is found dead`, await daemon.says(`PathProbeFailed /dev/${md}`, 60));
}
const changes = (): string => arrays.map(({ md }) => record(md)).join("; ");
const outside = changes();
await new Promise((resolve) => setTimeout(resolve, DEAD_S * 1000));
equal(`dead for ${DEAD_S} s, nothing is touched`, outside, changes());

const began = performance.now();
for (const { path } of failing) path.heal();
for (const { md, path } of failing) {
  const isBack = await eventually(INTERVAL_S + 2 + SLOWNESS_S, () => isInUse(md, path));
  figure(`${md}: from healed to in use`, (performance.now() - began) / 1000, "s");
  check(`${md}: the path is back`, isBack, record(md));
}
check(
  "all are reported back",
  await eventually(10, () => daemon.events("SpareActive").length === 3),
);
Deno.writeTextFileSync("/run/stop", "");
await reader.status;
check(
  "no read failed",
  sh("cat /run/errors 2>/dev/null | wc -l") === "0",
  sh("cat /run/errors 2>/dev/null | sort | uniq -c; true"),
);
check(
  "there were reads all the time",
  Number(sh("wc -l < /run/reads")) > 20,
  sh("wc -l < /run/reads"),
);
for (const { md } of arrays) {
  equal(
    `${md}: the data are what was written`,
    sh(`sha256sum < /run/pattern-${md}`),
    sh(`head -c 8M /dev/${md} | sha256sum`),
  );
  check(`${md}: reads`, read(md));
}
const ticks = (): number => {
  const fields = Deno.readTextFileSync(`/proc/${daemon.pid}/status`);
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(fields)?.[1]);
};
await new Promise((resolve) => setTimeout(resolve, 30_000));
const idleFrom = ticks();
await new Promise((resolve) => setTimeout(resolve, 60_000));
equal("with healthy arrays it does not wake once in 60 s", idleFrom, ticks());
equal("it is one thread", "1", sh(`ls /proc/${daemon.pid}/task | wc -l`));
figure(
  "resident memory, idle",
  Number(sh(`awk '/VmRSS/ {print $2}' /proc/${daemon.pid}/status`)) / 1024,
  "MiB",
);
const second = new Deno.Command("mdmpd", { args: ["-f"], stderr: "piped" }).outputSync();
equal("a second one refuses", 75, second.code);
check("it ends at once", await daemon.stop() < 2);
for (const { md } of arrays) sh(`mdadm --stop /dev/${md} 2>&1`);
daemon.show();
