import { assertEquals } from "@std/assert";
import { runText } from "./helpers/scenario_file.ts";
import { rigTest } from "./helpers/scenario_test.ts";

/** Node 1 says a word to node 2 by the shared disk, and over the network, where the other run has the same addresses. */
const scenario = `
# rig: nodes=2 shared=common:1M memory=512M cpus=1
meet start
if on 1; then
  echo "$WORD" | dd of=/dev/rig/common bs=512 conv=sync oflag=direct 2>/dev/null
  meet written
  check "the other listens" eventually 30 sh -c 'echo "$WORD" | busybox nc -w 2 node2 77'
else
  meet written
  equal "the word on the disk" "$WORD" "$(dd if=/dev/rig/common bs=512 count=1 iflag=direct 2>/dev/null | tr -d '\\000')"
  equal "the word from the network" "$WORD" "$(busybox nc -l -p 77)"
fi
`;

await rigTest("two runs of one scenario at a time do not meet", async () => {
  const runs = await Promise.all(
    ["one", "two"].map((WORD) => runText(scenario, { env: { WORD } })),
  );
  for (const run of runs) {
    await using _ = run;
    assertEquals(run.checks.filter(({ ok }) => !ok), []);
    assertEquals([run.checks.length, run.faults], [3, []]);
  }
});
