/** virtlockd with 10,000 idle clients and 100 busy ones: within its memory, and nobody starves. */
import { assert, assertEquals } from "@std/assert";
import { Crowd } from "./helpers/crowd.ts";
import { kernelLocks } from "./helpers/kernel_locks.ts";
import { fileLimit, residentMegabytes } from "./helpers/process_status.ts";
import { obstacle, register, setStage } from "./helpers/stage.ts";

const CROWD = { idle: 10_000, active: 100 };
const CLIENTS = CROWD.idle + CROWD.active;
/** For the clients, the locks of the busy ones, and the daemon's own. */
const DESCRIPTORS = CLIENTS + CROWD.active + 200;
const LONGEST_RSS_MB = 120;
const PAIRS = 50;
/** How much more than the least served client the most served one may get: all of them ask without a pause. */
const MOST_UNFAIR = 4;

async function serves(): Promise<void> {
  await using stage = await setStage({
    defaultConfig: `max_clients = ${CLIENTS}\n`,
    openFiles: DESCRIPTORS,
  });
  const { lab, daemon } = stage;
  const rss: number[] = [await residentMegabytes(daemon.pid)];
  await using crowd = await Crowd.start(lab, CROWD);
  rss.push(await residentMegabytes(daemon.pid));
  for (const round of ["before", "after"]) {
    if (round === "after") assert(await daemon.reexec(), daemon.stderr);
    const { least, most, failed } = await crowd.pairs(PAIRS);
    assertEquals({ starved: least < PAIRS, failed }, { starved: false, failed: 0 }, `${least}`);
    assert(most <= MOST_UNFAIR * least, `${least} pairs for one, ${most} for another`);
    assertEquals(await crowd.pings(), CROWD.idle);
    assertEquals(await kernelLocks(lab), []);
    rss.push(await residentMegabytes(daemon.pid));
    console.log(
      `${round} a re-exec: ${least} to ${most} pairs for each of ${CROWD.active} clients`,
    );
  }
  const numbers = rss.map((megabytes) => megabytes.toFixed(1)).join(", ");
  console.log(
    `RSS alone, with ${CLIENTS} clients, after load, after re-exec and load: ${numbers} MB`,
  );
  assert(Math.max(...rss) <= LONGEST_RSS_MB, `RSS of ${numbers} MB`);
}

async function whyNot(): Promise<string | undefined> {
  const { hard } = await fileLimit();
  return hard < DESCRIPTORS ? `needs ${DESCRIPTORS} open files, the limit is ${hard}` : undefined;
}

register(
  `virtlockd serves ${CROWD.active} busy clients beside ${CROWD.idle} idle ones within ${LONGEST_RSS_MB} MB`,
  await obstacle("/usr/bin/cc") ?? await whyNot(),
  serves,
);
