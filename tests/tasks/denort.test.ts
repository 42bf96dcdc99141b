/** Which denort a build takes. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { checkedImage, denortIdentity, findDenort } from "../../tasks/denort.ts";
import { denoVersion, sha256 } from "../../tasks/toolchain.ts";

/** Runs `body` with a variable of the environment set, and a folder to use. */
async function withVariable(
  name: string,
  value: (folder: string) => string,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-denort-test-" });
  const before = Deno.env.get(name);
  Deno.env.set(name, value(folder));
  try {
    await body(folder);
  } finally {
    if (before === undefined) Deno.env.delete(name);
    else Deno.env.set(name, before);
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("findDenort takes DENORT_BIN before anything else", async () => {
  await withVariable("DENORT_BIN", (folder) => join(folder, "mine"), async (folder) => {
    const path = join(folder, "mine");
    await Deno.writeTextFile(path, "a denort");
    assertEquals(await findDenort("arm64"), { path, origin: `DENORT_BIN (${path})` });
    assertEquals(await denortIdentity(), await sha256("a denort"));
  });
});

Deno.test("denortIdentity rejects a DENORT_BIN that is not there", async () => {
  await withVariable("DENORT_BIN", (folder) => join(folder, "absent"), async () => {
    await assertRejects(denortIdentity, Deno.errors.NotFound);
  });
});

Deno.test("findDenort trusts no file in its cache that has not the pinned SHA-256", async () => {
  Deno.env.delete("DENORT_BIN");
  await withVariable("XDG_CACHE_HOME", (folder) => folder, async (folder) => {
    const damaged = join(folder, "hostkeep", `denort-${denoVersion}-amd64`);
    await Deno.mkdir(join(folder, "hostkeep"));
    await Deno.writeTextFile(damaged, "damaged");
    const { path, origin } = await findDenort("amd64");
    if (path === undefined) assertEquals(origin, "Deno's own download");
    else assertEquals([path, (await Deno.stat(path)).size], [damaged, 97_076_048]);
  });
});

Deno.test("checkedImage cuts off what was appended, and rejects an image that was changed", async () => {
  const file = new Uint8Array(200);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  file[40] = 128; // e_shoff, and no section headers: the image ends there
  const digest = await sha256(file.slice(0, 128));
  assertEquals(await checkedImage(file, digest), file.slice(0, 128));
  file[100] ^= 1;
  await assertRejects(() => checkedImage(file, digest), Error, `not the pinned ${digest}`);
});
