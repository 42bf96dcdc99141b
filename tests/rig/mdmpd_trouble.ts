/** A hanging path delays no other; the last path; an operator's hand; kill and restart; stop and assemble meanwhile */
// rig: limit=500 memory=1G daemon=mdmpd needs=mdadm needs=dmsetup
import { check, equal, eventually, figure, note, sh } from "../../tasks/rig/guest/guest.ts";
import {
  createMultipath,
  DiskPath,
  fail,
  isFaulty,
  isInUse,
  Mdmpd,
  ramDisks,
  read,
  record,
} from "./helpers/md.ts";

const INTERVAL_S = 3;
const SLOWNESS_S = 20;
sh("modprobe multipath");
const disks = ramDisks(2, 32);
const arrays = disks.map((disk, i) => {
  const paths = [new DiskPath(`p${i}a`, disk), new DiskPath(`p${i}b`, disk)] as const;
  createMultipath(`md${i}`, [paths[1], paths[0]]);
  return { md: `md${i}`, paths };
});
const [{ paths: [a0, b0] }, { paths: [a1] }] = arrays;
Deno.writeTextFileSync("/run/hook", '#!/bin/sh\necho "$@" >> /run/hook-events\n', { mode: 0o755 });
const options = ["--interval", String(INTERVAL_S), "--program", "/run/hook"];
let daemon = await Mdmpd.started(...options);

async function isBack(md: string, path: DiskPath): Promise<boolean> {
  return await eventually(INTERVAL_S + 2 + SLOWNESS_S, () => isInUse(md, path));
}

// A hanging path, and another array's that heals meanwhile.
await fail("md0", a0);
await fail("md1", a1);
check(
  "both are found dead",
  await daemon.says("PathProbeFailed /dev/md0", 15) &&
    await daemon.says("PathProbeFailed /dev/md1", 15),
);
a0.heal();
a0.hang();
a1.heal();
check("a hanging path does not delay another", await isBack("md1", a1), record("md1"));
check("it is found to hang", await daemon.says("no answer in", 30));
equal("a status is given meanwhile", 2, daemon.status()?.arrays.length);
a0.resume();
check("it is back when it answers again", await isBack("md0", a0), record("md0"));

// Killed while a path waits; the next one knows what the first one saw.
const mark = daemon.text().length;
await fail("md0", a0);
check("it is found dead again", await daemon.says("PathProbeFailed /dev/md0", 20, mark));
await new Promise((resolve) => setTimeout(resolve, 500));
note(`killed in ${await daemon.stop("SIGKILL")} s`);
a0.heal();
daemon = await Mdmpd.started(...options);
check(
  "after kill and restart, the path is back",
  await isBack("md0", a0),
  record("md0") + daemon.text(),
);

// An operator's own doing.
sh(`mdadm /dev/md0 --fail ${a0.node} 2>&1`);
check("a path that was failed by hand waits", await daemon.says("PathHeld /dev/md0", 15));
await new Promise((resolve) => setTimeout(resolve, 3 * INTERVAL_S * 1000));
check("it waits longer than a few tests", isFaulty("md0", a0), record("md0"));
sh(`mdadm /dev/md0 --remove ${a0.node} 2>&1`);
check(
  "a path that was removed by hand is forgotten",
  await daemon.says("PathRemoved /dev/md0", 15),
);
sh(`mdadm /dev/md0 --add ${a0.node} 2>&1`);
check(
  "and is seen when it comes back by hand",
  await eventually(15, () => daemon.path("md0", a0)?.phase === "active"),
);

// The last path: readers wait, nothing is marked, and another path that heals is let in.
await fail("md0", a0);
await daemon.says("PathProbeFailed /dev/md0", 15);
b0.kill();
const reader = new Deno.Command("sh", {
  args: ["-c", "dd if=/dev/md0 of=/dev/null bs=4k count=1 iflag=direct 2>&1"],
}).spawn();
check("a dead last path is told", await daemon.says("LastPathSuspect /dev/md0", 30), record("md0"));
const began = performance.now();
b0.heal();
const status = await reader.status;
figure(
  "from the last path's healing to the end of a waiting read",
  (performance.now() - began) / 1000,
  "s",
);
check("the waiting read succeeds", status.success);
a0.heal();
check("the other path comes back", await isBack("md0", a0), record("md0"));

// Stop, and assemble again, while a path is being tested.
await fail("md1", a1);
await daemon.says("PathProbeFailed /dev/md1", 15);
check(
  "an array with a failed path can be stopped",
  sh("mdadm --stop /dev/md1 2>&1").includes("stopped"),
);
check("its end is told", await daemon.says("DeviceDisappeared /dev/md1", 10));
a1.heal();
sh(`mdadm --assemble /dev/md1 ${arrays[1].paths.map(({ node }) => node).join(" ")} 2>&1`);
check("its return is told", await daemon.says("NewArray /dev/md1", 10));
check("all its paths are in use", await eventually(10, () => isInUse("md1", a1)), record("md1"));

check(
  "the program has run for events",
  await eventually(10, () => {
    const events = sh("cat /run/hook-events");
    return events.includes(`Fail /dev/md0 /dev/${a0.kernelName}`) &&
      events.includes("DeviceDisappeared /dev/md1");
  }),
  sh("cat /run/hook-events; true"),
);

// The end, in the middle of a test that hangs.
await fail("md0", a0);
a0.heal();
a0.hang();
await new Promise((resolve) => setTimeout(resolve, INTERVAL_S * 1000));
const seconds = await daemon.stop();
figure("SIGTERM in the middle of a test", seconds, "s");
check("it ends at once, in the middle of a test", seconds < 2);
a0.resume();
check("reads work to the end", read("md0") && read("md1"));
daemon.show();
