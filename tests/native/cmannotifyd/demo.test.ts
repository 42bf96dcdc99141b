/** cmannotifyd's act of the demo, played for real: three nodes of corosync. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { playAlone, statesOf } from "../../tasks/demo/played.ts";
import { inFolder } from "../../tasks/needs.ts";
import { clusterTest } from "../corosync/cluster.ts";

const LONG_NAME = "a-folder-for-temporary-files-whose-name-leaves-no-room-for-a-socket";

async function played(folder: string): Promise<void> {
  const { output, act } = await playAlone("cmannotifyd", folder);
  assertMatch(output, /\n6 of 6 claims held, in [\d.]+ s\.\n$/);
  assertEquals(statesOf(act, "node 2").at(-1), "no corosync");
  // Its cable was pulled, and put back.
  assertEquals(statesOf(act, "node 3").slice(-2), ["no quorum", "quorum"]);
}

clusterTest(
  "demo --only cmannotifyd plays that act, also where TMPDIR has a long name",
  async () => {
    await inFolder(async (folder) => {
      const [first, second] = ["1", "2"].map((take) => join(folder, `${LONG_NAME}-${take}`));
      for (const place of [first, second]) await Deno.mkdir(place);
      // Nodes that get no processor for a third of a second lose corosync's token, and scripts hear of that, too.
      await played(first).catch(async (error) => {
        console.log(`played once more: ${error}`);
        await played(second);
      });
    });
  },
);
