/** Hanging and dying paths in every order: flapping, standby, last, hung; an operator's hand; kill and restart; stop and assemble in mid-test */
// rig: limit=600 memory=1G daemon=mdmpd needs=mdadm needs=dmsetup
import { check, equal, figure, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
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
/** The log is written a moment after what it tells. */
const CLOCK_S = 0.5;
const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

sh("modprobe multipath && modprobe dm-delay");
const arrays = ramDisks(2, 16).map((disk, i) => {
  const paths = [new DiskPath(`p${i}a`, disk), new DiskPath(`p${i}b`, disk)] as const;
  createMultipath(`md${i}`, [paths[1], paths[0]]);
  return { md: `md${i}`, disk, paths };
});
const [{ paths: [a0, b0] }, { disk: disk1, paths: [a1, b1] }] = arrays;
Deno.writeTextFileSync("/run/hook", '#!/bin/sh\necho "$# $*" >> /run/hook-events\n', {
  mode: 0o755,
});
Deno.writeTextFileSync("/run/mdmpd.conf", `standby_interval = ${INTERVAL_S}\n`);
const options = [
  ...["--interval", `${INTERVAL_S}`, "--config", "/run/mdmpd.conf"],
  ...["--check-standby", "--program", "/run/hook"],
];
let daemon = new Mdmpd("--interval", "1");

async function isBack(md: string, path: DiskPath): Promise<boolean> {
  return await inTime(INTERVAL_S + 2 + SLOWNESS_S, () => isInUse(md, path));
}

/** Fails a path under I/O, and waits until a test has found it dead. */
async function failTested(md: string, path: DiskPath): Promise<boolean> {
  const mark = daemon.text().length;
  return await fail(md, path) &&
    await daemon.says(`PathProbeFailed /dev/${md} /dev/${path.kernelName}`, SLOWNESS_S, mark);
}

/**
 * Each return that does not last doubles the wait for the next one; a path of another array that fails meanwhile does not wait. The log
 * is all that is looked at: to ask for a status takes longer here than the first waits.
 */
async function flapping(): Promise<void> {
  const FAILURES = 4;
  check("the daemon is ready", await daemon.says("sandbox: ", SLOWNESS_S));
  for (let failure = 1; failure <= FAILURES; failure++) {
    check(`failure ${failure}: the path is found dead`, await failTested("md0", a0));
    a0.heal();
    check("its array is read from all along", read("md0"));
    if (failure === FAILURES) await failTested("md1", a1);
    const isTold = (): boolean => daemon.absences("md0", a0).length === failure;
    check("it is back in the end", await inTime(SLOWNESS_S, isTold), record("md0"));
  }
  for (const [flaps, seconds] of daemon.absences("md0", a0).entries()) {
    figure(`out after ${flaps} returns that did not last`, seconds, "s");
    if (flaps > 0) {
      check(`at least ${2 ** flaps} s`, seconds > 2 ** flaps - CLOCK_S, `${seconds} s`);
    }
  }
  check("that it flaps is told", daemon.text().includes("failed 3 times soon after its return"));
  a1.heal();
  check("the other array's path is back", await isBack("md1", a1), record("md1"));
  equal("and did not wait", [], daemon.events("PathHeld").filter((line) => line.includes("md1")));
  await daemon.stop();
  daemon = await Mdmpd.started(...options);
}

/** A user's read that nothing has answered yet. */
function readLater(md: string): Deno.ChildProcess {
  const args = ["-c", `dd if=/dev/${md} of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null`];
  return new Deno.Command("sh", { args }).spawn();
}

async function standby(): Promise<void> {
  b0.kill();
  check("a dead path in reserve is told", await daemon.says("StandbyFailed /dev/md0", SLOWNESS_S));
  check("and left to md, which does not know", !isFaulty("md0", b0), record("md0"));
  b0.heal();
  check("as is its recovery", await daemon.says("PathAnswers /dev/md0", SLOWNESS_S));
}

async function hanging(): Promise<void> {
  check("two paths are found dead", await failTested("md0", a0) && await failTested("md1", a1));
  a0.heal();
  a0.hang();
  a1.heal();
  check("a hanging path does not delay another", await isBack("md1", a1), record("md1"));
  check("it is found to hang", await daemon.says("no answer in", SLOWNESS_S));
  equal("a status is given meanwhile", 2, JSON.parse(sh("mdmpd status --json")).arrays.length);
  a0.resume();
  check("it is back when it answers again", await isBack("md0", a0), record("md0"));
}

/** What the first daemon saw is known to the second one. */
async function killed(): Promise<void> {
  check("a path is found dead before the end", await failTested("md0", a0));
  const state = (): string => Deno.readTextFileSync("/run/mdmpd/state.json");
  check(
    "which is written down",
    await inTime(SLOWNESS_S, () => state().includes('"faultSeen":true')),
  );
  await daemon.stop("SIGKILL");
  a0.heal();
  const report = sh("mdmpd --once");
  check("--once reports a path that works again", report.includes("this is a dry run"), report);
  check("and leaves it where it is", isFaulty("md0", a0), record("md0"));
  daemon = await Mdmpd.started(...options);
  check("after kill -9 and restart, the path is back", await isBack("md0", a0), record("md0"));
}

async function operator(): Promise<void> {
  const mark = daemon.text().length;
  sh(`mdadm /dev/md0 --fail ${a0.node} 2>&1`);
  check("a path failed by hand waits", await daemon.says("PathHeld /dev/md0", SLOWNESS_S, mark));
  await sleep(3 * INTERVAL_S);
  check("it waits longer than a few tests", isFaulty("md0", a0), record("md0"));
  a0.kill();
  await daemon.says("PathProbeFailed /dev/md0", SLOWNESS_S, mark);
  sh(`mdadm /dev/md0 --remove ${a0.node} 2>&1`);
  check("one removed by hand is forgotten", await daemon.says("PathRemoved /dev/md0", SLOWNESS_S));
  a0.heal();
  check("another one is found dead", await failTested("md1", a1));
  await daemon.stop();
  sh(`mdadm /dev/md1 --remove ${a1.node} 2>&1`);
  a1.heal();
  daemon = await Mdmpd.started(...options);
  await sleep(2 * INTERVAL_S);
  const isForgotten = (md: string, path: DiskPath): boolean =>
    !isInUse(md, path) && daemon.path(md, path) === undefined;
  check("by the next daemon, too", isForgotten("md0", a0), record("md0"));
  check("so is one removed while no daemon ran", isForgotten("md1", a1), record("md1"));
  for (const [md, path] of [["md0", a0], ["md1", a1]] as const) {
    sh(`mdadm /dev/${md} --add ${path.node} 2>&1`);
    check(
      `a path of ${md} is seen when it comes back by hand`,
      await inTime(SLOWNESS_S, () => daemon.path(md, path)?.phase === "active"),
    );
  }
}

/** md never fails the last path: its thread repeats the request without end, and says so without end. */
async function last(): Promise<void> {
  sh("dmesg -n 1");
  check("a path is found dead again", await failTested("md0", a0));
  for (const [name, healed] of [["the last path", b0], ["another path", a0]] as const) {
    const mark = daemon.text().length;
    b0.kill();
    const reader = readLater("md0");
    const isTold = await daemon.says("LastPathSuspect /dev/md0", SLOWNESS_S, mark);
    check(`before ${name} heals, a dead last path is told`, isTold, record("md0"));
    const began = uptime();
    healed.heal();
    const { success } = await reader.status;
    figure(`from the recovery of ${name} to the end of a waiting read`, uptime() - began, "s");
    check(`a read that waits succeeds when ${name} heals`, success, record("md0"));
    if (healed === a0) break;
    check("that it answers is told", await daemon.says("PathAnswers /dev/md0", SLOWNESS_S, mark));
  }
  check("the path that healed carries the I/O", await isBack("md0", a0), record("md0"));
  b0.heal();
  check("the other comes back, too", await isBack("md0", b0), record("md0"));
  sh("dmesg -n 5");
}

async function stopped(): Promise<void> {
  check("the array to be stopped has a dead path", await failTested("md1", a1));
  // A test takes two seconds from now on.
  a1.table(`0 ${disk1.sectors} delay ${disk1.device} 0 2000`);
  const isTested = (): boolean => daemon.path("md1", a1)?.phase === "probing";
  check("it is in mid-test", await inTime(SLOWNESS_S, isTested));
  const said = sh("mdadm --stop /dev/md1 2>&1");
  check("an array can be stopped in mid-test", said.includes("stopped"), said);
  check("its end is told", await daemon.says("DeviceDisappeared /dev/md1", SLOWNESS_S));
  a1.heal();
  sh(`mdadm --assemble /dev/md1 ${a1.node} ${b1.node} 2>&1`);
  check("its return is told", await daemon.says("NewArray /dev/md1", SLOWNESS_S));
  const inUse = (): boolean => isInUse("md1", a1) && isInUse("md1", b1);
  check("all its paths are in use", await inTime(SLOWNESS_S, inUse), record("md1"));
}

async function program(): Promise<void> {
  const a = `/dev/${a0.kernelName}`;
  const wanted = [
    ...[`3 Fail /dev/md0 ${a}`, `3 SpareActive /dev/md0 ${a}`],
    ...["2 DeviceDisappeared /dev/md1", "2 NewArray /dev/md1"],
  ];
  const told = (): Set<string> => new Set(sh("cat /run/hook-events").split("\n"));
  const missing = (): string[] => wanted.filter((line) => !told().has(line));
  await inTime(SLOWNESS_S, () => missing().length === 0);
  equal("the program has run for events, as mdadm --monitor calls it", [], missing());
}

async function ended(): Promise<void> {
  await fail("md0", a0);
  a0.heal();
  a0.hang();
  const isTested = (): boolean => daemon.path("md0", a0)?.phase === "probing";
  check("a test hangs", await inTime(SLOWNESS_S, isTested));
  const seconds = await daemon.stop();
  figure("from SIGTERM in mid-test to the end", seconds, "s");
  check("it ends at once, in mid-test", seconds < 5);
  a0.resume();
  check("reads work to the end", read("md0") && read("md1"));
}

const parts = [flapping, standby, hanging, killed, operator, last, stopped, program, ended];
for (const part of parts) {
  const began = uptime();
  await part();
  figure(`part "${part.name}"`, uptime() - began, "s");
}
daemon.show();
