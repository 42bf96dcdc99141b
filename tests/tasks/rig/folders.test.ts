/** The cache of the rig, and the folder of a run. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { cachedFolder, cacheFolder, isIntact } from "../../../tasks/rig/cache.ts";
import { Follower, followUntil } from "../../../tasks/rig/follow.ts";
import { inShell, quote, RunFolder } from "../../../tasks/rig/run_folder.ts";
import { defaultPlan } from "../../../tasks/rig/scenario.ts";
import { exists } from "../../../tasks/toolchain.ts";
import { inFolder } from "../needs.ts";

/** Calls `body` with a cache of its own. */
async function inCache(body: (cache: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const before = Deno.env.get("XDG_CACHE_HOME");
    Deno.env.set("XDG_CACHE_HOME", folder);
    try {
      await body(cacheFolder());
    } finally {
      if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", before);
    }
  });
}

/** Fills a folder, and counts how often. */
function filler(): { fill: (folder: string) => Promise<void>; times: () => number } {
  let times = 0;
  const fill = async (folder: string): Promise<void> => {
    times++;
    await Deno.mkdir(join(folder, "in"));
    await Deno.writeTextFile(join(folder, "in/file"), "content");
  };
  return { fill, times: () => times };
}

Deno.test("cachedFolder makes a folder once, however many ask for it", async () => {
  await inCache(async () => {
    const { fill, times } = filler();
    const paths = await Promise.all([1, 2, 3].map(() => cachedFolder("x", fill)));
    assertEquals([new Set(paths).size, times()], [1, 1]);
    assertEquals(await Deno.readTextFile(join(paths[0], "in/file")), "content");
  });
});

Deno.test("cachedFolder makes a folder anew when a file has changed or is gone", async () => {
  await inCache(async (cache) => {
    const { fill, times } = filler();
    const file = join(await cachedFolder("x", fill), "in/file");
    await Deno.writeTextFile(file, "Content");
    assertEquals(await isIntact(join(cache, "x")), false);
    await cachedFolder("x", fill);
    assertEquals([await Deno.readTextFile(file), times()], ["content", 2]);
    await Deno.remove(file);
    await cachedFolder("x", fill);
    assertEquals([await isIntact(join(cache, "x")), times()], [true, 3]);
  });
});

Deno.test("cachedFolder leaves nothing of a folder that could not be filled", async () => {
  await inCache(async (cache) => {
    const fails = (): Promise<void> => Promise.reject(new Error("no network"));
    await assertRejects(() => cachedFolder("x", fails), Error, "no network");
    const names = (await Array.fromAsync(Deno.readDir(cache))).map(({ name }) => name);
    assertEquals(names, ["lock"]);
  });
});

Deno.test("RunFolder has disks of each node and shared ones, and goes without a trace", async () => {
  const disks = [{ name: "own", bytes: 4096 }];
  const shared = [{ name: "common", bytes: 8192 }];
  const folder = await RunFolder.create({ ...defaultPlan, nodes: 2, disks, shared }, { A: "b" });
  assertEquals(folder.disksOf(2), [
    { name: "own", path: join(folder.path, "disks/node2-own") },
    { name: "common", path: join(folder.path, "disks/common") },
  ]);
  const sizes = folder.disksOf(1).map(({ path }) => Deno.statSync(path).size);
  assertEquals(sizes, [4096, 8192]);
  await folder.close(false);
  await folder.close(false);
  assertEquals(await exists(folder.path), false);
});

Deno.test("RunFolder stays when it is to be kept", async () => {
  const folder = await RunFolder.create(defaultPlan, {});
  await folder.close(true);
  assertEquals(await exists(join(folder.path, "share/environment")), true);
  await Deno.remove(folder.path, { recursive: true });
});

Deno.test("inShell says to a shell exactly what it was told", async () => {
  const value = `a 'b' "c" $d \\ \n e`;
  const script = `${inShell({ VALUE: value })}printf %s "$VALUE"`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assertEquals(new TextDecoder().decode(stdout), value);
  assertEquals(quote(""), "''");
});

Deno.test("Follower hands on a line when it is whole", async () => {
  await inFolder(async (folder) => {
    const [path, lines] = [join(folder, "file"), new Array<string>()];
    const follower = new Follower(path, (line) => lines.push(line));
    const append = (text: string): Promise<void> =>
      Deno.writeTextFile(path, text, { append: true }).then(() => follower.poll());
    await follower.poll();
    await append("one\ntw");
    assertEquals(lines, ["one"]);
    await append("o\nthree\n");
    assertEquals(lines, ["one", "two", "three"]);
  });
});

Deno.test("followUntil reads what came last", async () => {
  await inFolder(async (folder) => {
    const [path, lines] = [join(folder, "file"), new Array<string>()];
    const follower = new Follower(path, (line) => lines.push(line));
    const written = Deno.writeTextFile(path, "last\n");
    await followUntil([follower], written);
    assertEquals(lines, ["last"]);
  });
});
