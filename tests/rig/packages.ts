/** The package of virtlockd takes a running original's place and gives it back; systemd and AppArmor hold all services to what they promise */
// rig: init=systemd memory=1536M limit=900 needs=corosync needs=mdadm needs=systemctl needs=dpkg needs=apparmor_parser needs=aa-exec needs=deb-systemd-helper
import { Caller, isLocked } from "../fault/helpers/caller.ts";
import { Client } from "../native/virtlockd/client.ts";
import { LOCK_SOCKET, stackStart } from "../native/virtlockd/lab_daemon.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime } from "./helpers/in_time.ts";
import { createMultipath, DiskPath, fail, isInUse, record } from "./helpers/md.ts";
import { digest, isInSync, mirrorTable, ramDisks, targetStatus } from "./helpers/mirror.ts";
import {
  about,
  check,
  equal,
  eventually,
  figure,
  sh,
  uptime,
} from "../../tasks/rig/guest/guest.ts";

/** The package of virtlockd, and unpacked/NAME of each other service. */
const PACKAGES = Deno.env.get("PACKAGES") ?? "";
const LEASES = "/srv/leases";
const PATIENCE_S = 120;
const OURS_BYTES = 50_000_000;
const SCRIPT = "/etc/cluster/cman-notify.d/script";
const TOLD = "/run/told";
const DISK_MIB = 4;
const MDMPD_ARGUMENTS = "/etc/default/mdmpd";
/** Where the daemon sees nothing, nor may start anything. */
const EVENT_PROGRAM = "/home/on-event";
const EVENTS = "/home/events";

function mainPid(service: string): number {
  return Number(sh(`systemctl show --property=MainPID --value ${service}.service`));
}

function isActive(unit: string): boolean {
  return sh(`systemctl is-active ${unit} || true`) === "active";
}

/** Whether a process runs a program of ours, which are larger than others. */
function isOurs(pid: number): boolean {
  return Deno.statSync(`/proc/${pid}/exe`).size > OURS_BYTES;
}

function profileOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/attr/current`).trim();
}

/** A client that is registered, and in the lockspace; its locks are nobody's to be killed for. */
async function connect(): Promise<Caller> {
  const caller = new Caller(await Client.connect(LOCK_SOCKET));
  await caller.register(1);
  await caller.createLockspace(LEASES);
  return caller;
}

async function lockIsHeld(): Promise<void> {
  await using other = await connect();
  equal("the lock is still held", isLocked("x"), await other.acquire(LEASES, "x"));
}

/** Does something upon which a process goes on as another program, or as the same anew. */
async function becomesAnew(what: string, pid: number, cause: () => void): Promise<void> {
  const before = await stackStart(pid);
  cause();
  const end = uptime() + PATIENCE_S;
  while (await stackStart(pid) === before && uptime() < end) await delay();
  check(`${what} is a new start of the same process`, await stackStart(pid) !== before);
  equal("systemd knows it as before", pid, mainPid("virtlockd"));
  await lockIsHeld();
}

function delay(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

function dpkg(what: string): void {
  const began = uptime();
  const options = "--no-triggers --force-unsafe-io"; // man-db's trigger reads every page of the system
  sh(`DEBIAN_FRONTEND=noninteractive dpkg ${options} ${what}`);
  figure(`dpkg ${what.split(" ")[0]}`, uptime() - began, "s");
}

/** The original runs, started for a client that has a lock, when our package comes. */
async function takeOver(): Promise<void> {
  about("installation");
  sh("systemctl start virtlockd.socket virtlockd-admin.socket");
  await using holder = await connect();
  equal("the original gives a lock", "ok", await holder.acquire(LEASES, "x"));
  const pid = mainPid("virtlockd");
  check("the original runs", !isOurs(pid));
  await becomesAnew("ours", pid, () => dpkg(`--install ${PACKAGES}/*.deb`));
  check("ours runs", isOurs(pid));
}

async function reloadAndRemoval(): Promise<void> {
  about("virtlockd");
  sh("systemctl stop virtlockd.service");
  await using holder = await connect();
  const pid = mainPid("virtlockd");
  equal("is started for a client, confined", "hostkeep-virtlockd (enforce)", profileOf(pid));
  equal("gives a lock", "ok", await holder.acquire(LEASES, "x"));
  await becomesAnew("a reload", pid, () => sh("systemctl reload virtlockd.service"));
  equal("it stays confined", "hostkeep-virtlockd (enforce)", profileOf(pid));
  about("removal");
  await becomesAnew("the original", pid, () => dpkg("--remove hostkeep-virtlockd"));
  check("the original runs", !isOurs(pid));
}

/** Puts a package's files in their places. The program is not copied: that takes long on an emulated processor. */
function unpack(name: string): void {
  const tree = `${PACKAGES}/unpacked/${name}`;
  sh(`tar -C ${tree} -c etc lib | tar -C / -x --keep-directory-symlink
    touch /usr/sbin/${name} && mount --bind ${tree}/usr/sbin/${name} /usr/sbin/${name}
    apparmor_parser --replace --skip-cache /etc/apparmor.d/hostkeep-${name}`);
}

/** A service, how exposed systemd may call it (in tenths), and what it does besides starting and stopping. */
interface Service {
  readonly name: string;
  readonly exposure: number;
  readonly reloads?: true;
  readonly comesBack?: true;
  /** Does what it is for, confined as it is. */
  readonly works?: () => void | Promise<void>;
}

function isBack(name: string, former: number): boolean {
  const now = mainPid(name);
  return now !== former && now !== 0 && isActive(`${name}.service`);
}

function fieldsLogged(name: string, pid: number): string[] {
  const lines = sh(`journalctl --unit ${name}.service --output json --lines 1 _PID=${pid}`);
  return Object.keys(JSON.parse(lines || "{}"));
}

async function service({ name, exposure, reloads, comesBack, works }: Service): Promise<void> {
  about(name);
  sh(`systemctl start ${name}.service`);
  const pid = mainPid(name);
  check("is active when it has started", isActive(`${name}.service`));
  equal("is confined", `hostkeep-${name} (enforce)`, profileOf(pid));
  sh(`systemd-analyze security --no-pager --threshold=${exposure} ${name}.service`);
  const wanted = ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"];
  const isLogged = (): boolean => wanted.every((field) => fieldsLogged(name, pid).includes(field));
  check("logs fields to the journal", await eventually(PATIENCE_S, isLogged));
  if (reloads) {
    sh(`systemctl reload ${name}.service`);
    equal("is the same process behind a reload", pid, mainPid(name));
  }
  if (comesBack) {
    Deno.kill(pid, "SIGKILL");
    check("is back after SIGKILL", await eventually(PATIENCE_S, () => isBack(name, pid)));
  }
  await works?.();
  sh(`systemctl stop ${name}.service`);
  check("can be stopped", !isActive(`${name}.service`));
}

/** The helpers of mdmpd's event program that run. */
function eventHelpers(): number[] {
  const pids = sh("systemctl show --property=MainPID --value 'mdmpd-events@*.service'");
  return pids.split("\n").map(Number).filter((pid) => pid > 0);
}

async function hears(event: string, path: DiskPath): Promise<void> {
  const told = (): string => sh(`cat ${EVENTS} 2>/dev/null || true`);
  const line = `${event} /dev/md0 /dev/${path.kernelName}`;
  const isThere = (): boolean => told().split("\n").includes(line);
  check(`the event program hears of ${event}`, await eventually(PATIENCE_S, isThere), told());
}

/** A path that fails and works again is put back by its testers, and the event program is told, by a new helper if need be. */
async function restores(): Promise<void> {
  const disk = { device: disks[0], sectors: DISK_MIB * 2048 };
  const paths = [new DiskPath("pa", disk), new DiskPath("pb", disk)];
  createMultipath("md0", [paths[1], paths[0]]);
  check("a path fails", await fail("md0", paths[0]), record("md0"));
  const isDead = (): boolean => sh("mdmpd status").includes("Input/output error");
  check("it is found dead", await inTime(PATIENCE_S, isDead), sh("mdmpd status"));
  await hears("Fail", paths[0]);
  const helpers = eventHelpers();
  equal("the event program has one helper, unconfined", ["unconfined"], helpers.map(profileOf));
  for (const pid of helpers) Deno.kill(pid, "SIGKILL");
  paths[0].heal();
  const isBack = await inTime(PATIENCE_S, () => isInUse("md0", paths[0]));
  check("it is put back", isBack, record("md0"));
  await hears("SpareActive", paths[0]);
  sh(`mdadm --stop /dev/md0 2>&1 && dmsetup remove --retry pa pb; rm ${MDMPD_ARGUMENTS}`);
}

/** Its scripts hear of corosync: what they are told when it is reached, and of a change. */
async function notifies(): Promise<void> {
  const told = (): string => sh(`cat ${TOLD} 2>/dev/null || true`);
  const isTold = (line: string): Promise<boolean> =>
    eventually(PATIENCE_S, () => told().split("\n").includes(line));
  check("scripts are told of the cluster", await isTold("CMAN_REASON_STATECHANGE 1"), told());
  sh(`rm ${TOLD} && corosync-cfgtool -R`);
  check("and of a new configuration", await isTold("CMAN_REASON_CONFIG_UPDATE"), told());
}

/** A mirror with its log on a disk is recovered and written, and goes. */
async function mirrors(): Promise<void> {
  const [, one, two, log] = disks;
  sh(`head -c ${DISK_MIB}M /dev/urandom > ${one}`);
  const table = mirrorTable({ uuid: "LVM-p", mebibytes: DISK_MIB, log, legs: [one, two] });
  sh(`dmsetup create mirror --table "${table}"`);
  const isSynced = await eventually(PATIENCE_S, () => isInSync("mirror"));
  check("a mirror comes to be in sync", isSynced, targetStatus("mirror"));
  sh("dd if=/dev/urandom of=/dev/mapper/mirror bs=64k count=16 oflag=direct 2>&1");
  equal("what is written is on both legs", digest(one), digest(two));
  sh("dmsetup remove mirror");
}

/** Run as the service is, so far as AppArmor goes. */
function checkConfig(file: string, profile?: string): boolean {
  const command = `/usr/sbin/mdmpd --check-config -c ${file}`;
  const confined = profile === undefined ? command : `aa-exec -p ${profile} -- ${command}`;
  return new Deno.Command("sh", { args: ["-c", confined], stdout: "null", stderr: "null" })
    .outputSync().success;
}

/** The daemon's own sandbox does not yet hold when it reads its configuration: who refuses here is AppArmor. */
function apparmor(): void {
  about("AppArmor");
  const [own, other, profile] = ["/etc/mdmpd.conf", "/srv/mdmpd.conf", "hostkeep-mdmpd"];
  sh(`cp ${own} ${other}`);
  check("mdmpd may read its configuration under its profile", checkConfig(own, profile));
  check("no other file", !checkConfig(other, profile));
  check("which it may without a profile", checkConfig(other));
  const denied = sh("journalctl --boot _TRANSPORT=audit + _TRANSPORT=kernel | grep DENIED || true");
  const lines = denied.split("\n").filter((line) => line.includes("hostkeep-"));
  const others = lines.filter((line) => !line.includes(other));
  check("the kernel says so", lines.length > others.length, denied);
  equal("nothing else was denied", [], others);
}

sh("rm -f /usr/sbin/policy-rc.d"); // of a machine on which nothing may be started
await takeOver();
await reloadAndRemoval();
sh("modprobe dm_log_userspace; modprobe multipath");
const disks = ramDisks(4, DISK_MIB);
Deno.writeTextFileSync(MDMPD_ARGUMENTS, `MDMPD_ARGS=--interval 1 --program ${EVENT_PROGRAM}\n`);
Deno.writeTextFileSync(EVENT_PROGRAM, `#!/bin/sh\necho "$@" | cat >> ${EVENTS}\n`, { mode: 0o755 });
sh("mkdir -p /etc/cluster/cman-notify.d");
const tell = `echo "$CMAN_NOTIFICATION $CMAN_NOTIFICATION_QUORUM" | sed 's/ $//' >> ${TOLD}`;
Deno.writeTextFileSync(SCRIPT, `#!/bin/sh\n${tell}\n`, { mode: 0o755 });
about("corosync");
check("corosync forms a cluster of one", await startCorosync(["127.0.0.1"], { tokenMs: 1_000 }));
const services: readonly Service[] = [
  { name: "mdmpd", exposure: 15, reloads: true, comesBack: true, works: restores },
  { name: "cmannotifyd", exposure: 15, reloads: true, comesBack: true, works: notifies },
  { name: "cmirrord", exposure: 21, comesBack: true, works: mirrors },
];
for (const { name } of services) unpack(name);
sh("systemctl daemon-reload");
for (const one of services) await service(one);
apparmor();
