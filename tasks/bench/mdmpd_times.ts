/**
 * How long mdmpd takes from its start to its first answer, and what it holds then: figures as JSON on standard output. To be run where
 * /run is its own.
 *
 *     mdmpd_times.ts PROGRAM ROUNDS
 */
const CONTROL = "/run/mdmpd/control";
const START_MAX_MS = 5_000;
const SETTLE_MS = 500;

/** One value a round. */
export type Times = Readonly<
  Record<
    "startMs" | "processorMs" | "residentMb" | "ownMb" | "endMs",
    number[]
  >
>;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether the daemon has answered; it does so once it looks after all arrays. */
async function isAnswered(): Promise<boolean> {
  try {
    using connection = await Deno.connect({ transport: "unix", path: CONTROL });
    await connection.write(new TextEncoder().encode("status\n"));
    return await connection.read(new Uint8Array(1)) === 1;
  } catch {
    return false;
  }
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
  const began = performance.now();
  const daemon = new Deno.Command(program, { args: ["-f"], stderr: "null" }).spawn();
  while (!await isAnswered()) {
    if (performance.now() - began > START_MAX_MS) throw new Error(`${program} does not answer`);
    await pause(0);
  }
  times.startMs.push(performance.now() - began);
  times.processorMs.push(await processorMs(daemon.pid));
  await pause(SETTLE_MS);
  times.residentMb.push(await statusMb(daemon.pid, "VmRSS"));
  times.ownMb.push(await statusMb(daemon.pid, "RssAnon"));
  const told = performance.now();
  daemon.kill("SIGTERM");
  await daemon.status;
  times.endMs.push(performance.now() - told);
}

if (import.meta.main) {
  const [program, rounds] = Deno.args;
  const times: Times = { startMs: [], processorMs: [], residentMb: [], ownMb: [], endMs: [] };
  for (let round = 0; round < Number(rounds); round++) await measure(program, times);
  console.log(JSON.stringify(times));
}
