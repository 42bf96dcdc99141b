/** Testers as the daemon sees them: processes that answer, in an order and at times that a script decides. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import "../../bind_libc.ts";
import { Children } from "../../../daemons/mdmpd/effects/children.ts";
import type { Answer, LearnJob } from "../../../daemons/mdmpd/tester_protocol.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { inFolder } from "../../tasks/needs.ts";

const JOBS = 8;
const PATIENCE_MS = 20_000;

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

function job(id: number): LearnJob {
  const array = { name: "md0", uuid: "", personality: "multipath", metadata: "1.2", raidDisks: 2 };
  return { kind: "learn", id, array, references: [] };
}

/** What comes of jobs that are submitted one by one, each with the answer to the one before. */
async function chain(path: string, script: string): Promise<Answer[]> {
  await Deno.writeTextFile(path, script, { mode: 0o755 });
  const program = {
    path,
    calledAs: path,
    args: [],
    environment: new Map([["PATH", "/usr/bin:/bin"]]),
  };
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
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end && (children.present > 0 || answers.length < JOBS)) {
    reactor.turn(100);
  }
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
