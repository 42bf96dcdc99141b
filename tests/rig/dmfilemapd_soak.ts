/** dmfilemapd under load and faults for as long as MINUTES says: nothing is lost, nothing leaks */
// rig: disk=data:400M limit=600 daemon=dmfilemapd needs=dmstats needs=prlimit
import { check, equal, figure, note, sh } from "../../tasks/rig/guest/guest.ts";
import { growth, type Sample, slope } from "../fault/soak/slope.ts";
import {
  alive,
  awaitDaemon,
  deleteAll,
  ended,
  follow,
  mapped,
  mismatch,
  run,
  SOON_SECONDS,
} from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { residentKib } from "./dmfilemapd/process.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const MINUTES = Number(Deno.env.get("MINUTES") ?? "1");
const KILLS = 2;
const MOST_GROWTH_KIB = 8_000;
const SIGNALS = 50;
const LEAST_TURNS = 4;

const volume = Volume.make("ext4");
const { stats } = volume;
const file = OpenFile.create(volume.at("data")).fill(4);
let pid = await follow(file.path, "--follow path");

/** Writes at both ends and in the middle, as far as there is space. */
async function work(name: string): Promise<void> {
  file.punch(MIB, MIB / 2);
  file.write(MIB);
  file.write(file.size);
  file.sync();
  check(name, await mapped(file, stats) !== undefined, mismatch(file, stats));
}

/** Its group, its counters and the file's changes outlive it. */
async function kill(): Promise<void> {
  const counted = stats.written() ?? 0;
  Deno.kill(pid, "SIGKILL");
  await ended(pid, SOON_SECONDS);
  file.write(file.size);
  file.sync();
  sh(`dmstats update_filemap --groupid 0 --follow path ${file.path}`);
  pid = await awaitDaemon(file.path);
  check("a successor maps what came in between", await mapped(file, stats) !== undefined);
  check("nothing that was counted is lost", (stats.written() ?? -1) >= counted);
}

/** The clock jumps an hour ahead and back, signals come in a storm, descriptors and space run out. */
async function faults(): Promise<void> {
  sh("date -s '+1 hour' >/dev/null");
  for (let at = 0; at < SIGNALS; at++) Deno.kill(pid, "SIGUSR1");
  run(`prlimit --pid ${pid} --nofile=4:`);
  file.write(file.size);
  file.sync();
  await new Promise((resolve) => setTimeout(resolve, 500));
  run(`prlimit --pid ${pid} --nofile=1024:`);
  Deno.kill(pid, "SIGUSR1");
  run(`dd if=/dev/zero of=${volume.at("fill")} bs=1M; rm ${volume.at("fill")}; sync`);
  sh("date -s '-1 hour' >/dev/null");
}

for (let at = 0; at < KILLS; at++) await kill();
const [resident, descriptors]: Sample[][] = [[], []];
const began = performance.now();
const minutes = (): number => (performance.now() - began) / 60_000;
for (let turn = 0; turn < LEAST_TURNS || minutes() < MINUTES; turn++) {
  await faults();
  await work(`turn ${turn}: what changed is mapped`);
  if (!alive(pid)) break;
  if (file.size > 64 * MIB) sh(`truncate -s 4M ${file.path}`);
  if (turn < 1) continue;
  resident.push({ minutes: minutes(), value: residentKib(pid) });
  const open = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  descriptors.push({ minutes: minutes(), value: open });
}
check("it is alive", alive(pid));
note(`${resident.length} turns in ${minutes().toFixed(1)} minutes`);
figure("resident memory grows a minute", slope(resident), "KiB");
check("no leak of memory", growth(resident) < MOST_GROWTH_KIB, `${growth(resident)} KiB`);
check("no leak of descriptors", growth(descriptors) < 1.5, JSON.stringify(descriptors));
deleteAll();
equal("it ends with its group", true, await ended(pid, SOON_SECONDS) !== undefined);
