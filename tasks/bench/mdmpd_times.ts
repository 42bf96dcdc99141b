/**
 * How long mdmpd takes from its start to READY=1, and what it holds then, and how long a program that does nothing takes to its first
 * line, in turn: figures as JSON on standard output. To be run where /run is its own.
 *
 *     mdmpd_times.ts PROGRAM NOTHING ROUNDS
 */
const NOTIFY_SOCKET = "/run/notify";
const SETTLE_MS = 500;

/** One value a round. */
export type Times = Readonly<
  Record<
    "readyMs" | "nothingMs" | "processorMs" | "residentMb" | "ownMb" | "endMs",
    number[]
  >
>;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for sd_notify(3)'s word. */
async function isReady(manager: Deno.DatagramConn): Promise<void> {
  for (let text = ""; !text.includes("READY=1");) {
    text = new TextDecoder().decode((await manager.receive())[0]);
  }
}

async function untilFirstLine(program: string): Promise<number> {
  const began = performance.now();
  const child = new Deno.Command(program, { stdout: "piped", stderr: "null" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const ms = performance.now() - began;
  await reader.cancel();
  await child.status;
  return ms;
}

/** The time it has been running, which a busy machine does not lengthen: the first field, in nanoseconds. */
async function processorMs(pid: number): Promise<number> {
  const [nanoseconds] = (await Deno.readTextFile(`/proc/${pid}/schedstat`)).split(" ");
  return Number(nanoseconds) / 1e6;
}

async function statusMb(pid: number, field: string): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

async function measure(program: string, times: Times): Promise<void> {
  const manager = Deno.listenDatagram({ transport: "unixpacket", path: NOTIFY_SOCKET });
  const began = performance.now();
  const env = { NOTIFY_SOCKET };
  const daemon = new Deno.Command(program, { args: ["-f"], env, stderr: "null" }).spawn();
  await isReady(manager);
  times.readyMs.push(performance.now() - began);
  times.processorMs.push(await processorMs(daemon.pid));
  await pause(SETTLE_MS);
  times.residentMb.push(await statusMb(daemon.pid, "VmRSS"));
  times.ownMb.push(await statusMb(daemon.pid, "RssAnon"));
  const told = performance.now();
  daemon.kill("SIGTERM");
  await daemon.status;
  times.endMs.push(performance.now() - told);
  manager.close();
  await Deno.remove(NOTIFY_SOCKET);
}

if (import.meta.main) {
  const [program, nothing, rounds] = Deno.args;
  const times: Times = {
    readyMs: [],
    nothingMs: [],
    processorMs: [],
    residentMb: [],
    ownMb: [],
    endMs: [],
  };
  for (let round = 0; round < Number(rounds); round++) {
    times.nothingMs.push(await untilFirstLine(nothing));
    await measure(program, times);
  }
  console.log(JSON.stringify(times));
}
