/** The live dmfilemapd against its manifest, as the kernel shows it: privileges, calls, files */
// rig: disk=data:400M limit=600 daemon=dmfilemapd needs=dmstats needs=apparmor_parser needs=prlimit
import { fromFileUrl } from "@std/path";
import { check, equal, sh } from "../../tasks/rig/guest/guest.ts";
import { manifest } from "../../daemons/dmfilemapd/manifest.ts";
import { denials, loadProfile, profileOf } from "./helpers/apparmor.ts";
import { openLinks } from "./helpers/confinement.ts";
import { alive, deleteAll, Foreground, mapped, mismatch, status } from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { Volume } from "./dmfilemapd/volume.ts";

/** linux/capability.h */
const CAPABILITIES: Readonly<Record<string, number>> = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_SYS_ADMIN: 21,
  CAP_LEASE: 28,
};
const FILTERED = "2"; // SECCOMP_MODE_FILTER, linux/seccomp.h

const CLIENTS = 8;

loadProfile(manifest);
const volume = Volume.make("ext4");
const { stats } = volume;

function hex(set: bigint): string {
  return set.toString(16).padStart(16, "0");
}

/** The capabilities of the manifest as /proc shows a set of them. */
function manifestCapabilities(): string {
  const bits = manifest.capabilities.map(({ name }) => 1n << BigInt(CAPABILITIES[name]));
  return hex(bits.reduce((sum, bit) => sum | bit, 0n));
}

function privileges(mode: string, pid: number): void {
  const wanted: Record<string, string> = {
    Threads: "1",
    NoNewPrivs: "1",
    CapInh: hex(0n),
    CapPrm: manifestCapabilities(),
    CapEff: manifestCapabilities(),
    CapBnd: manifestCapabilities(),
    CapAmb: hex(0n),
    Seccomp: FILTERED,
    Seccomp_filters: "1",
  };
  const found = Object.fromEntries(Object.keys(wanted).map((field) => [field, status(pid, field)]));
  equal(`${mode}: one thread, and what the manifest says`, wanted, found);
}

/** Clients beyond the last descriptor are refused by means of one in reserve, which leads to /dev/null and is taken anew. */
async function outOfDescriptors(mode: string, pid: number): Promise<void> {
  const reserved = (): number => openLinks(pid).filter((link) => link === "/dev/null").length;
  const before = reserved();
  const highest = Math.max(...[...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => +name));
  const [socket] = [...Deno.readDirSync("/run/dmfilemapd")].map(({ name }) => name)
    .filter((name) => name.endsWith(".sock"));
  sh(`prlimit --pid ${pid} --nofile=${highest + 1}:`);
  const clients: Deno.Conn[] = [];
  for (let at = 0; at < CLIENTS; at++) {
    clients.push(await Deno.connect({ transport: "unix", path: `/run/dmfilemapd/${socket}` }));
  }
  const last = await clients[CLIENTS - 1].read(new Uint8Array(1)).catch(() => null);
  equal(`${mode}: a client is refused when no descriptor is left`, null, last);
  for (const one of clients) one.close();
  sh(`prlimit --pid ${pid} --nofile=1024:`);
  const [about] = JSON.parse(sh("dmfilemapd status --json"));
  equal(`${mode}: the next one is served, and one is in reserve again`, [pid, before], [
    about.pid,
    reserved(),
  ]);
}

/** In inode mode it has its file and needs no other: what the path leads to may not be opened. */
async function confined(mode: "inode" | "path"): Promise<void> {
  const file = OpenFile.create(volume.at(mode)).fill(2);
  const daemon = await Foreground.create(file.path, ["--follow", mode]);
  // Who answers has begun to serve.
  const [about] = JSON.parse(sh("dmfilemapd status --json"));
  equal(`${mode}: it answers who asks`, daemon.pid, about.pid);
  check(
    `${mode}: nothing is missing from its confinement`,
    !/off|gap/.test(about.sandbox),
    about.sandbox,
  );
  privileges(mode, daemon.pid);
  equal(`${mode}: its profile holds`, "hostkeep-dmfilemapd (enforce)", profileOf(daemon.pid));
  const links = openLinks(daemon.pid);
  equal(
    `${mode}: it has ${mode === "inode" ? "its" : "no"} file open`,
    mode === "inode",
    links.includes(file.path),
  );
  equal(
    `${mode}: and nothing of who started it`,
    [],
    links.filter((link) => link.startsWith("/rig/")),
  );
  for (let at = 0; at < 3; at++) {
    file.write((2 + at) * MIB);
    file.sync();
  }
  check(
    `${mode}: with all that it maps what it is to map`,
    await mapped(file, stats) !== undefined,
    mismatch(file, stats),
  );
  await outOfDescriptors(mode, daemon.pid);
  check(
    `${mode}: no call was refused by the filter`,
    alive(daemon.pid) && !sh("dmesg").includes("audit: type=1326"),
  );
  deleteAll();
  equal(`${mode}: it ends as ever`, 0, (await daemon.end()).code);
}

/** Without a sandbox, and with half of one, it says so and serves. */
async function degraded(
  name: string,
  program: string,
  said: RegExp,
  sandbox: RegExp,
): Promise<void> {
  const file = OpenFile.create(volume.at(name.replaceAll(" ", "-"))).fill(2);
  sh(`dmstats create --filemap --nomonitor ${file.path}`);
  const daemon = await Foreground.direct(file.path, 0, "inode", {}, program);
  const [about] = JSON.parse(sh("dmfilemapd status --json"));
  check(`${name}: it tells who asks`, sandbox.test(about.sandbox), about.sandbox);
  file.write(2 * MIB);
  file.sync();
  check(`${name}: it maps`, await mapped(file, stats) !== undefined, mismatch(file, stats));
  deleteAll();
  const { code, stdout, stderr } = await daemon.end();
  check(`${name}: it says so`, said.test(stdout + stderr), stdout + stderr);
  equal(`${name}: it ends as ever`, 0, code);
}

await confined("inode");
await confined("path");
await degraded("on request", "dmfilemapd --no-sandbox", /No sandbox, as --no-sandbox says/, /^off/);
const oldKernel = fromFileUrl(new URL("../sandbox/old_kernel.ts", import.meta.url));
const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
await degraded(
  "an old kernel",
  `${Deno.execPath()} run -A --no-check --config=${config} ${oldKernel} $(command -v dmfilemapd)`,
  /sandbox with gaps: .*Landlock: off, Function not implemented/,
  /Landlock: off, Function not implemented; seccomp: \d+ calls/,
);
equal("nothing was denied to its profile", [], denials());
