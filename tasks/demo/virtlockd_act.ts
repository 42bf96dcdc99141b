/** virtlockd's act: contention, a re-exec under load, the death of a holder. */
import { basename, dirname } from "@std/path";
import { GuestProcess } from "./guest_process.ts";
import type { Stage } from "./stage.ts";

const START_LIMIT_MS = 60_000;
const REEXEC_LIMIT_MS = 30_000;
const FREE_LIMIT_MS = 30_000;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The daemon that the act plays with. */
interface RunningDaemon {
  readonly pid: number;
  /** Its sockets' directory, as this process reaches it. */
  readonly directory: string;
}

/**
 * Starts the shipped binary on a private run directory. Root's daemon has fixed paths, so it gets a mount namespace of its own; any
 * other user's follows XDG_RUNTIME_DIR.
 */
async function startDaemon(
  binary: string,
  folder: string,
  things: AsyncDisposableStack,
): Promise<RunningDaemon> {
  const isRoot = Deno.uid() === 0;
  const env = { XDG_RUNTIME_DIR: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder };
  const command = isRoot
    ? new Deno.Command("unshare", {
      args: [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        'mount -t tmpfs demo /run && exec "$0"',
        binary,
      ],
      stdin: "null",
    })
    : new Deno.Command(binary, { env, stdin: "null" });
  const process = command.spawn();
  things.defer(() => end(process));
  // The way into the other mount namespace.
  const inside = `/proc/${process.pid}/root`;
  const run = isRoot ? `${inside}/run` : folder;
  const daemon = { pid: process.pid, directory: `${run}/libvirt` };
  await until(
    () => exists(`${daemon.directory}/virtlockd-sock`),
    START_LIMIT_MS,
    "the daemon does not serve",
  );
  return daemon;
}

/** SIGTERM, and waits until it has ended; it may have before. */
async function end(process: Deno.ChildProcess): Promise<void> {
  try {
    process.kill("SIGTERM");
  } catch {
    // It has ended already.
  }
  await process.status;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function until(holds: () => boolean, limitMs: number, otherwise: string): Promise<number> {
  const began = performance.now();
  while (!holds()) {
    if (performance.now() - began > limitMs) throw new Error(otherwise);
    await pause(2);
  }
  return performance.now() - began;
}

/**
 * Whether a process has a record lock on a file, as the kernel says in /proc/PID/fdinfo. (/proc/locks is handed out in pieces, and
 * shows and misses locks while others come and go.)
 */
function locks(pid: number, path: string): boolean {
  const inode = `:${inodeOf(path)} `;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fdinfo`)) {
    const lines = textOf(`/proc/${pid}/fdinfo/${name}`).split("\n");
    if (lines.some((line) => line.startsWith("lock:") && line.includes(inode))) return true;
  }
  return false;
}

/** A file's text, "" when it has just gone. */
function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function inodeOf(path: string): string {
  return String(Deno.statSync(path).ino);
}

/** Field 28 of /proc/PID/stat: another program image has another stack; 0 while there is none. */
function image(pid: number): number {
  const stat = textOf(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[25]);
}

/** What the act is played with. */
interface Play {
  readonly stage: Stage;
  readonly daemon: RunningDaemon;
  readonly red: GuestProcess;
  readonly blue: GuestProcess;
  readonly disk: string;
  /** Another disk, for work that must not stop. */
  readonly other: string;
}

/** Tracks of the report. */
const DAEMON = "virtlockd";
const DISK = "lock on disk.img";
const RED = "guest red";
const BLUE = "guest blue";
const CONNECTED = "connected";

async function contention({ stage, daemon, red, blue, disk }: Play): Promise<void> {
  await stage.part("1. Two guests want the same disk");
  await stage.why(
    "Two virtual machines that write to one disk image destroy its file system within seconds.",
  );
  const first = await red.order({ do: "acquire", path: disk });
  await stage.happens(`guest "red" (process ${red.pid}) asks for the lock on disk.img`);
  await stage.shows("red has the lock", first.error === undefined);
  if (locks(daemon.pid, disk)) stage.recorder.state(DISK, "red", stage.now());
  const second = await blue.order({ do: "acquire", path: disk });
  await stage.happens(
    `guest "blue" (process ${blue.pid}) asks, too, and is told: ${
      second.error?.replace(`${dirname(disk)}/`, "") ?? "yes"
    }`,
  );
  stage.recorder.mark(DISK, "blue is refused", stage.now());
  await stage.shows("blue is refused", second.error?.includes("is locked") === true);
  await stage.shows(
    `the kernel has the daemon's lock on the file`,
    locks(daemon.pid, disk),
  );
}

async function reexec({ stage, daemon, blue, disk, other }: Play): Promise<void> {
  await stage.part("2. The daemon replaces itself under load");
  await stage.why(
    "An update must not cost a lock: whoever restarts a lock daemon the usual way leaves every guest unprotected.",
  );
  await blue.order({ do: "work", path: other });
  stage.recorder.state(BLUE, "locks without a pause", stage.now());
  await pause(1500);
  const before = image(daemon.pid);
  await stage.happens(
    `blue locks and unlocks another disk without a pause; SIGUSR1 to process ${daemon.pid}`,
  );
  stage.recorder.mark(DAEMON, "SIGUSR1", stage.now());
  Deno.kill(daemon.pid, "SIGUSR1");
  let [held, asked] = [true, 0];
  const took = await until(
    () => {
      held &&= locks(daemon.pid, disk);
      asked++;
      const now = image(daemon.pid);
      return now !== 0 && now !== before;
    },
    REEXEC_LIMIT_MS,
    "the daemon was not replaced",
  );
  stage.recorder.state(DAEMON, "second image", stage.now());
  await stage.happens(
    `a new program image runs under the same process id after ${took.toFixed(0)} ms`,
  );
  await pause(1000);
  const { error, pairs } = await blue.order({ do: "rest" });
  stage.recorder.state(BLUE, CONNECTED, stage.now());
  await stage.shows(
    `blue's connection went on: ${pairs} lock and unlock pairs, every one answered`,
    error === undefined && pairs > 0,
  );
  await stage.shows(
    `red's lock was there whenever the kernel was asked, ${asked} times`,
    held && locks(daemon.pid, disk),
  );
  const again = await blue.order({ do: "acquire", path: disk });
  await stage.shows(
    "blue is still refused red's disk",
    again.error?.includes("is locked") === true,
  );
}

async function death({ stage, daemon, red, blue, disk }: Play): Promise<void> {
  await stage.part("3. The holder dies");
  await stage.why(
    "A crashed guest must not keep its disk locked, and a living one must not lose it.",
  );
  await stage.happens(`kill -9 of red (process ${red.pid})`);
  const began = performance.now();
  await red.kill();
  stage.recorder.state(RED, "", stage.now());
  await until(() => !locks(daemon.pid, disk), FREE_LIMIT_MS, "red's lock was not freed");
  stage.recorder.state(DISK, "", stage.now());
  await stage.shows(`its lock was freed after ${(performance.now() - began).toFixed(0)} ms`, true);
  const { error } = await blue.order({ do: "acquire", path: disk });
  if (locks(daemon.pid, disk)) stage.recorder.state(DISK, "blue", stage.now());
  await stage.shows("blue has the lock now", error === undefined);
}

/** Plays the act with the binary. */
export async function virtlockdAct(
  stage: Stage,
  things: AsyncDisposableStack,
  binary: string,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-demo-" });
  const disk = `${folder}/disk.img`;
  const other = `${folder}/other.img`;
  for (const path of [disk, other]) await Deno.writeTextFile(path, "");
  const daemon = await startDaemon(binary, folder, things);
  const start = async (name: string, track: string): Promise<GuestProcess> => {
    const guest = await GuestProcess.start(`${daemon.directory}/virtlockd-sock`, name);
    things.defer(() => guest.kill());
    stage.recorder.state(track, CONNECTED, stage.now());
    return guest;
  };
  stage.recorder.state(DAEMON, "first image", stage.now());
  await stage.happens(`started dist/${basename(binary)} as process ${daemon.pid}`);
  const red = await start("red", RED);
  const blue = await start("blue", BLUE);
  const play: Play = { stage, daemon, red, blue, disk, other };
  await contention(play);
  await reexec(play);
  await death(play);
}
