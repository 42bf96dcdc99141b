/** The commands of docs/coming-from-c are done as they stand there: from the C daemons, as far as there are any, to ours, and back */
// rig: init=systemd disk=data:64M memory=1536M limit=900 needs=corosync needs=dmsetup needs=dmstats needs=mkfs.ext4 needs=systemctl
// rig: daemon=cmannotifyd daemon=cmirrord daemon=dmfilemapd daemon=mdmpd
// Arguments: cmirrord and dmfilemapd of lvm2. Virtlockd's page is done by its package (packages.ts).
import { about, check, equal, figure, sh, uptime } from "../../tasks/rig/guest/guest.ts";
import { commandsIn } from "../docs/commands.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";
import { isInSync, mirrorTable, ramDisks, targetStatus } from "./helpers/mirror.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const [originalMirrord, originalFilemapd] = Deno.args;
const CHECKOUT = Deno.env.get("RIG_CHECKOUT") ?? "";
/** An administrator's: a guest's own begins with what was built. */
const PATH = "/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const OURS_BYTES = 50_000_000;

/** Of daemons that no Debian has (mdadm's of versions 1.4 to 2.5, CMAN's): there is nothing to stop, to put back or to start. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  cmannotifyd: [
    "service cman-notify stop",
    "install -m 755 cmannotifyd.cman /usr/sbin/cmannotifyd",
    "service cman-notify start",
  ],
  mdmpd: [
    "service mdmpd stop",
    "install -m 755 mdmpd.mdadm /sbin/mdmpd",
    "service mdmpd start",
  ],
};

interface Outcome {
  readonly code: number;
  readonly text: string;
}

function attempt(command: string): Outcome {
  const options = { args: ["-c", `exec 2>&1; ${command}`], cwd: CHECKOUT, env: { PATH } };
  const { code, stdout } = new Deno.Command("bash", options).outputSync();
  return { code, text: new TextDecoder().decode(stdout) };
}

/** What the commands of a section printed. `filled`: what stands for words that are each reader's own. */
async function follow(
  name: string,
  heading: string,
  filled: Readonly<Record<string, string>> = {},
): Promise<string> {
  const page = Deno.readTextFileSync(`${CHECKOUT}/docs/coming-from-c/${name}.md`);
  const [began, printed] = [uptime(), [] as string[]];
  for (const written of commandsIn(page, heading)) {
    if (LEFT_OUT[name]?.includes(written)) continue;
    const command = written.replace(/\b[A-Z]{3,}\b/g, (word) => filled[word] ?? word);
    let outcome = attempt(command);
    // Who has just been started in the background may not serve yet.
    const isDone = (): boolean =>
      (outcome = outcome.code === 0 ? outcome : attempt(command)).code === 0;
    if (command === `${name} status`) await inTime(SLOWNESS_S, isDone);
    check(`${heading}: ${written}`, outcome.code === 0, outcome.text);
    printed.push(outcome.text);
  }
  figure(heading, uptime() - began, "s");
  return printed.join("");
}

function isActive(name: string): boolean {
  return sh(`systemctl is-active ${name}.service || true`) === "active";
}

/** Whether a process runs a program of ours, which are larger than others. */
function isOurs(pid: string): boolean {
  return Deno.statSync(`/proc/${pid}/exe`).size > OURS_BYTES;
}

function mainPid(name: string): string {
  return sh(`systemctl show --property=MainPID --value ${name}.service`);
}

/** A daemon whose original there is none of: ours comes, and goes without leaving anything. */
async function withoutOriginal(name: string): Promise<void> {
  about(name);
  await follow(name, "Before");
  const status = await follow(name, "Switch over");
  check("it is active", isActive(name), status);
  await follow(name, "Switch back");
  check("it is not, any more", !isActive(name));
  const left = sh(`find /usr/sbin /etc/systemd /run/systemd/system -name '${name}*'`);
  equal("nothing of it is left", "", left);
}

/** As distributions that had it started it. */
const MIRRORD_UNIT = `[Service]
Type=forking
ExecStart=/usr/sbin/cmirrord
PIDFile=/run/cmirrord.pid
`;

function fileOnMirror(): string {
  sh("mount /dev/mapper/shared /mnt/shared");
  const sum = sh("sha256sum < /mnt/shared/file");
  return sum;
}

async function cmirrord(): Promise<void> {
  about("cmirrord");
  sh(`cp ${originalMirrord} /usr/sbin/cmirrord && cp ${originalMirrord} ${CHECKOUT}/cmirrord.lvm2`);
  Deno.writeTextFileSync("/usr/lib/systemd/system/cmirrord.service", MIRRORD_UNIT);
  sh("systemctl daemon-reload && systemctl start cmirrord");
  const [one, two, disk] = ramDisks(3, 16);
  sh(`dmsetup create shared-log --table "0 2048 linear ${disk} 0"`); // which the C daemon looks for below /dev/mapper
  // What the C daemon can do.
  const able = { integratedFlush: false, handleErrors: false };
  const log = "/dev/mapper/shared-log";
  const table = mirrorTable({ uuid: "LVM-s", mebibytes: 16, legs: [one, two], log, ...able });
  sh(`dmsetup create shared --table "${table}"`);
  const isSynced = (): Promise<boolean> => inTime(SLOWNESS_S, () => isInSync("shared"));
  check("a mirror of the C daemon is in sync", await isSynced(), targetStatus("shared"));
  sh("mkfs.ext4 -q /dev/mapper/shared && mkdir -p /mnt/shared");
  sh("mount /dev/mapper/shared /mnt/shared && head -c 1M /dev/urandom > /mnt/shared/file");
  const wanted = sh("sha256sum < /mnt/shared/file");
  await follow("cmirrord", "Before");
  await follow("cmirrord", "Switch over");
  check("ours serves", isOurs(mainPid("cmirrord")));
  check("the mirror is in sync", await isSynced(), targetStatus("shared"));
  equal("with its data", wanted, fileOnMirror());
  sh("umount /mnt/shared");
  await follow("cmirrord", "Switch back");
  check("the C daemon serves", !isOurs(mainPid("cmirrord")));
  check("the mirror is in sync again", await isSynced(), targetStatus("shared"));
  equal("with its data, again", wanted, fileOnMirror());
  sh("umount /mnt/shared && dmsetup remove shared shared-log && systemctl stop cmirrord");
}

async function dmfilemapd(): Promise<void> {
  about("dmfilemapd");
  const { folder } = Volume.make("ext4", { mib: 60 });
  sh(`mkdir -p /srv/images && mount --bind ${folder} /srv/images`);
  sh("head -c 4M /dev/urandom > /srv/images/vm.img && sync");
  sh(
    `cp ${originalFilemapd} /usr/sbin/dmfilemapd && cp ${originalFilemapd} ${CHECKOUT}/dmfilemapd.lvm2`,
  );
  const create = "dmstats create --filemap --follow path /srv/images/vm.img";
  equal("stock dmstats starts the C daemon", 0, attempt(create).code);
  const listed = await follow("dmfilemapd", "Before");
  const [, PID = "", GROUP = ""] = /^ *(\d+) \S*dmfilemapd \d+ (\d+) /m.exec(listed) ?? [];
  check("the list tells process and group", PID !== "" && !isOurs(PID), listed);
  const status = await follow("dmfilemapd", "Switch over", { PID, GROUP });
  check("ours follows the file", status.includes("/srv/images/vm.img"), status);
  check("and nobody else", isOurs(sh("pidof dmfilemapd")));
  await follow("dmfilemapd", "Switch back", { GROUP });
  const isBack = (): boolean => /^\d+$/.test(sh("pidof dmfilemapd || true"));
  check("one daemon follows it", await inTime(SLOWNESS_S, isBack));
  check("the C daemon", !isOurs(sh("pidof dmfilemapd")));
  sh("dmstats delete --allregions --alldevices");
}

/** The guest reaches no registry, and has at hand what npx would fetch. The units of all daemons are made at once. */
function provideNpx(): void {
  sh("mkdir -p /run/bin");
  const script = '[ -e /run/units ] && exit\ntouch /run/units\nshift 2\nexec "$RIG_DENO" "$@"\n';
  Deno.writeTextFileSync("/run/bin/npx", `#!/bin/sh\n${script}`, { mode: 0o755 });
}

provideNpx();
sh("modprobe -a dm-mirror dm_log_userspace multipath");
check("corosync forms a cluster of one", await startCorosync(["127.0.0.1"], { tokenMs: 1_000 }));
await cmirrord();
await dmfilemapd();
sh(
  "mkdir -p /etc/cluster/cman-notify.d && echo '<logging to_logfile=\"yes\"/>' > /etc/cluster/cluster.conf",
);
Deno.writeTextFileSync("/etc/cluster/cman-notify.d/script", "#!/bin/sh\n", { mode: 0o755 });
for (const name of ["cmannotifyd", "mdmpd"]) await withoutOriginal(name);
