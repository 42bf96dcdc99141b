/** mdmpd with arrays and cmirrord with mirrors under load and faults for as long as MINUTES says: nothing is lost, nothing leaks */
// rig: memory=1G limit=900 daemon=mdmpd daemon=cmirrord needs=corosync needs=mdadm needs=dmsetup needs=prlimit needs=unshare
import { check, equal, figure, note, sh } from "../../../tasks/rig/guest/guest.ts";
import { judge, shown } from "../../fault/soak/judge.ts";
import { slope } from "../../fault/soak/slope.ts";
import { soak } from "../../fault/soak/soak.ts";
import type { Subject } from "../../fault/soak/subject.ts";
import { mirrors } from "./mirrors.ts";
import { paths } from "./paths.ts";
import { ramDisks } from "../helpers/mirror.ts";

const MINUTES = Number(Deno.env.get("MINUTES") ?? "1");
const mebibytes = 8;

sh("mount -t cgroup2 none /sys/fs/cgroup && echo +memory > /sys/fs/cgroup/cgroup.subtree_control");

async function soakOne(subject: Subject): Promise<void> {
  const { name } = subject;
  try {
    const outcome = await soak(subject, MINUTES);
    note(shown(outcome));
    figure(`${name}: resident memory grows a minute`, slope(outcome.resident), "KiB");
    equal(`${name} leaks nothing`, [], judge(outcome));
    check(`${name} had no more memory than it was given`, outcome.isCapped);
  } catch (error) {
    check(`${name} loses nothing`, false, Deno.inspect(error));
  }
}

const disks = ramDisks(6, mebibytes);
const subjects = [mirrors(disks.slice(0, 5), mebibytes), paths(disks.slice(5), mebibytes * 2048)];
await Promise.all(subjects.map(soakOne));
