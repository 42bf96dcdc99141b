import { assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { CONTROL_SOCKET } from "../../../daemons/cmannotifyd/places.ts";
import { inTemporaryFolder, Interrupted, play } from "../../../tasks/demo/play.ts";
import { Stage } from "../../../tasks/demo/stage.ts";
import type { Act } from "../../../tasks/demo/acts.ts";
import { exists } from "../../../tasks/toolchain.ts";
import { inFolder } from "../needs.ts";

/** Where cmannotifyd's act has the longest name of a socket: on a node of its cluster. */
async function longestSocket(): Promise<string> {
  const cluster = await Deno.makeTempDir({ prefix: "hostkeep-cluster-" });
  await Deno.mkdir(join(cluster, "1/run"), { recursive: true });
  return join(cluster, "1", CONTROL_SOCKET);
}

/** Calls `body` with TMPDIR below a folder of so many letters; true if nothing is left in it. */
async function inPlace(letters: number, body: () => Promise<void>): Promise<boolean> {
  const before = Deno.env.get("TMPDIR");
  let isEmpty = false;
  await inFolder(async (folder) => {
    const place = join(folder, "x".repeat(letters));
    await Deno.mkdir(place);
    Deno.env.set("TMPDIR", place);
    try {
      await inTemporaryFolder(body);
      assertEquals(Deno.env.get("TMPDIR"), place);
    } finally {
      if (before === undefined) Deno.env.delete("TMPDIR");
      else Deno.env.set("TMPDIR", before);
    }
    isEmpty = (await Array.fromAsync(Deno.readDir(place))).length === 0;
  });
  return isEmpty;
}

for (const letters of [1, 200]) {
  Deno.test(`inTemporaryFolder has room for the acts' sockets where TMPDIR has ${letters} letters more, and leaves nothing`, async () => {
    let temporary = "";
    const isEmpty = await inPlace(letters, async () => {
      temporary = Deno.env.get("TMPDIR") ?? "";
      const listener = Deno.listen({ transport: "unix", path: await longestSocket() });
      listener.close();
    });
    assertEquals(isEmpty, true);
    const left = [temporary, dirname(temporary)].filter((path) => path.includes("/hk-"));
    assertEquals(await Promise.all(left.map(exists)), left.map(() => false));
  });
}

Deno.test("inTemporaryFolder leaves nothing when its body throws", async () => {
  let isThrown = false;
  const isEmpty = await inPlace(200, async () => {
    await inTemporaryFolder(() => Promise.reject(new Error("the end"))).catch(() => {
      isThrown = true;
    });
  });
  assertEquals([isEmpty, isThrown], [true, true]);
});

/** An act whose processes die of Ctrl-C; what it has to end takes as long as the demo needs to hear of it, too. */
function actThatFails(heard: () => void): Act {
  return {
    daemon: "cmannotifyd",
    title: "an act",
    play: (_stage, things) => {
      things.defer(heard);
      return Promise.reject(new Error("corosync has ended"));
    },
  };
}

Deno.test("play is interrupted, and shows nothing false, when the act's processes hear of Ctrl-C before it does", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stage = new Stage();
  await assertRejects(() => play(actThatFails(resolve), stage, promise), Interrupted);
  assertEquals(stage.acts, []);
});

Deno.test("play shows that an act has failed when nobody has interrupted it", async () => {
  const stage = new Stage();
  await play(actThatFails(() => {}), stage, new Promise(() => {}));
  assertEquals(stage.close(), false);
});
