/** Checksums of what was made. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { writeSums } from "../../../tasks/package/sums.ts";
import { run } from "../../../tasks/toolchain.ts";
import { inFolder } from "../needs.ts";

Deno.test("writeSums lists every file but itself, as sha256sum reads it", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "b.deb"), "b");
    await Deno.writeTextFile(join(folder, "a.deb"), "a");
    await writeSums(folder);
    const path = await writeSums(folder);
    const names = (await Deno.readTextFile(path)).split("\n").map((line) => line.slice(66));
    assertEquals(names, ["a.deb", "b.deb", ""]);
    const checked = await run("sha256sum", ["--check", "--strict", path], { cwd: folder });
    assertEquals(checked.success, true, checked.output);
    await Deno.writeTextFile(join(folder, "a.deb"), "other");
    const again = await run("sha256sum", ["--check", path], { cwd: folder });
    assertEquals(again.success, false);
  });
});
