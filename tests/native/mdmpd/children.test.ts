/** Testers as the daemon sees them: processes that answer, in an order and at times that a script decides. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import "../../bind_libc.ts";
import { Children } from "../../../daemons/mdmpd/effects/children.ts";
import { CHILD_GRACE_MS, CHILD_LINGER_MS, JOB_TRIES } from "../../../daemons/mdmpd/limits.ts";
import type { Answer, Job, LearnJob, PathJob } from "../../../daemons/mdmpd/tester_protocol.ts";
import type { Program } from "../../../src/host/program.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { inFolder } from "../../tasks/needs.ts";

const JOBS = 8;
const PATIENCE_MS = 20_000;
const SHORT_MS = 200;

/** Says that it is ready; of each batch, answers the jobs, and is done with it a while later. */
const SLOW_TO_FINISH = `#!/bin/sh
echo '{"done":true}'
while read -r batch; do
  for id in $(echo "$batch" | grep -o '"id":[0-9]*' | cut -d: -f2); do
    echo $id >> "$0.jobs"
    echo "{\\"id\\":$id,\\"type\\":\\"proven\\"}"
  done
  sleep 0.05
  echo '{"done":true}'
done
`;

/** The same, of which it says that it hangs in a read. */
const HANGING = SLOW_TO_FINISH.replaceAll('{"done":true}', '{"done":true,"hangs":true}');

/** Is gone, for all who write to it, as soon as it has said that it is ready. */
const DYING = `#!/bin/sh
exec 0<&-
echo '{"done":true}'
sleep 0.3
`;

/** Falls silent over the first job until a file goes; the next one answers. */
const SILENT = `#!/bin/sh
echo '{"done":true}'
read -r batch
if mkdir "$0.caught" 2>/dev/null; then
  echo '{"at":1}'
  while [ -e "$0.caught" ]; do sleep 0.05; done
else
  echo '{"id":2,"type":"restored"}'
  echo '{"done":true}'
fi
`;

function job(id: number): LearnJob {
  const array = { name: "md0", uuid: "", personality: "multipath", metadata: "1.2", raidDisks: 2 };
  return { kind: "learn", id, array, references: [] };
}

function restoration(id: number): PathJob {
  const path = { name: `sd${id}`, device: `8:${id}` };
  const { array, references } = job(id);
  const known = { known: undefined, lastEvents: undefined, listedAs: path.name };
  return { kind: "restore", id, array, references, path, markable: true, awaited: false, ...known };
}

async function programOf(path: string, script: string): Promise<Program> {
  await Deno.writeTextFile(path, script, { mode: 0o755 });
  return { path, calledAs: path, args: [], environment: new Map([["PATH", "/usr/bin:/bin"]]) };
}

function turn(reactor: Reactor, until: () => boolean): void {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end && !until()) reactor.turn(100);
}

/** What comes of jobs that are submitted one by one, each with the answer to the one before. */
async function chain(path: string, script: string): Promise<Answer[]> {
  const program = await programOf(path, script);
  const reactor = new Reactor();
  const answers: Answer[] = [];
  const children: Children = new Children(
    reactor,
    program,
    1_000,
    (_, answer) => {
      answers.push(answer);
      if (answers.length < JOBS) children.submit(job(answers.length + 1));
    },
    () => {},
    () => false,
  );
  children.submit(job(1));
  turn(reactor, () => children.present === 0 && answers.length === JOBS);
  assertEquals([children.started, children.present], [1, 0]);
  return answers;
}

Deno.test("a tester that has answered all gets nothing more until it says that it is done", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "tester");
    const answers = await chain(path, SLOW_TO_FINISH);
    const ids = Array.from({ length: JOBS }, (_, i) => i + 1);
    assertEquals<unknown>(answers, ids.map((id) => ({ id, type: "proven" })));
    // Each was given to it once.
    assertEquals((await Deno.readTextFile(`${path}.jobs`)).trim().split("\n").map(Number), ids);
  });
});

/** A reactor in which what is given a long time gets a short one. */
function hasty(long: number): Reactor {
  const reactor = new Reactor();
  const after = reactor.after.bind(reactor);
  reactor.after = (ms, run) => after(ms === long ? SHORT_MS : ms, run);
  return reactor;
}

Deno.test("a tester that hangs in a read of ours stays for the next test, and any other goes", async () => {
  for (const [script, wanted] of [[HANGING, 1], [SLOW_TO_FINISH, 2]] as const) {
    await inFolder(async (folder) => {
      const reactor = hasty(CHILD_LINGER_MS);
      const program = await programOf(join(folder, "tester"), script);
      let [answered, isMore] = [0, true];
      const done = (): unknown => answered++;
      const children = new Children(reactor, program, 1_000, done, () => {}, () => isMore);
      for (const id of [1, 2]) {
        children.submit(job(id));
        turn(reactor, () => answered === id);
        const end = performance.now() + 5 * SHORT_MS;
        turn(reactor, () => performance.now() > end);
      }
      isMore = false;
      turn(reactor, () => children.present === 0);
      assertEquals([answered, children.started, children.present], [2, wanted, 0]);
    });
  }
});

Deno.test("a tester that dies before it is given its batch takes no more than that with it", async () => {
  await inFolder(async (folder) => {
    const reactor = new Reactor();
    const program = await programOf(join(folder, "tester"), DYING);
    const answers: Answer[] = [];
    const done = (_: unknown, answer: Answer): unknown => answers.push(answer);
    const children = new Children(reactor, program, 1_000, done, () => {}, () => false);
    children.submit(job(1));
    turn(reactor, () => answers.length > 0 && children.present === 0);
    assertEquals([answers, children.started], [
      [{ id: 1, type: "learned", learned: [], untested: true }],
      JOB_TRIES,
    ]);
  });
});

Deno.test("a tester that is silent over one path hangs until it ends, and the others go to the next one", async () => {
  await inFolder(async (folder) => {
    const reactor = hasty(CHILD_GRACE_MS);
    const program = await programOf(join(folder, "tester"), SILENT);
    const [answers, released]: [Answer[], Job[]] = [[], []];
    const done = (_: unknown, answer: Answer): unknown => answers.push(answer);
    const freed = (job: Job): unknown => released.push(job);
    const children = new Children(reactor, program, 1_000, done, freed, () => false);
    const jobs = [restoration(1), restoration(2)];
    for (const job of jobs) children.submit(job);
    turn(reactor, () => answers.length === jobs.length);
    assertEquals(answers, [
      { id: 1, type: "hung", reason: "no answer from the kernel", unbound: true },
      { id: 2, type: "restored" },
    ]);
    // The silent one may have taken either out of the array.
    assertEquals(jobs.map(({ awaited }) => awaited), [true, true]);
    turn(reactor, () => children.present === 1);
    assertEquals([children.stuck, released], [1, []]);
    await Deno.remove(`${program.path}.caught`);
    turn(reactor, () => children.present === 0);
    assertEquals([children.stuck, released], [0, [jobs[0]]]);
  });
});
