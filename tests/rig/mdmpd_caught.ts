/** A working path hangs while another one returns: nothing piles up, and it does return */
// rig: limit=300 memory=1G daemon=mdmpd needs=mdadm needs=dmsetup
import { check, figure, note, sh } from "../../tasks/rig/guest/guest.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import { createMultipath, DiskPath, fail, isInUse, Mdmpd, ramDisks, record } from "./helpers/md.ts";

const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));
sh("modprobe multipath");
const [disk] = ramDisks(1, 16);
const [a, b] = [new DiskPath("pa", disk), new DiskPath("pb", disk)];
createMultipath("md0", [b, a]);
Deno.writeTextFileSync("/run/mdmpd.conf", "probe_timeout = 1\n");
const daemon = await Mdmpd.started("--interval", "1", "--config", "/run/mdmpd.conf");
check("found dead", await fail("md0", a) && await daemon.says("PathProbeFailed /dev/md0", SLOWNESS_S));

function testers(): string[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
    try {
      const text = Deno.readTextFileSync(`/proc/${name}/cmdline`);
      return text.includes("@tester") ? [`${name} ${Deno.readTextFileSync(`/proc/${name}/wchan`)}`] : [];
    } catch {
      return [];
    }
  });
}

b.hang();
a.heal();
for (let i = 1; i <= 8; i++) {
  await sleep(10);
  figure(`testers after ${i * 10} s`, testers().length, "");
  note(testers().join("; "));
}
note(JSON.stringify(daemon.status()));
note(sh("cat /proc/sys/fs/aio-nr"));
b.resume();
check("it is back", await inTime(SLOWNESS_S, () => isInUse("md0", a)), record("md0"));
await sleep(5);
figure("testers in the end", testers().length, "");
note(testers().join("; "));
note(sh("cat /proc/sys/fs/aio-nr"));
note(JSON.stringify(daemon.status()));
daemon.show();
