/** The archive's install script on systems where files of others are at its paths, which may be upgraded meanwhile. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { run } from "../../../tasks/toolchain.ts";
import { inFolder } from "../needs.ts";
import {
  CONFIGURATION,
  ORIGINALS,
  ours,
  PROFILE,
  PROGRAM,
  System,
  theirs,
  UNIT,
  unpacked,
} from "./small_archive.ts";

/** Two versions of ours, and a system with version 1 of the original. */
interface Scene {
  readonly first: string;
  readonly second: string;
  readonly system: System;
}

function testScene(name: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test(name, () =>
    inFolder(async (folder) => {
      const system = new System(join(folder, "system"));
      await system.bring(1);
      const [first, second] = [
        await unpacked(join(folder, "first"), 1),
        await unpacked(join(folder, "second"), 2),
      ];
      await body({ first, second, system });
    }));
}

const kept = (path: string): string => `${path}.before-hostkeep`;

testScene("install.sh changes nothing when it is run again", async ({ first, system }) => {
  const before = await system.files();
  await system.call(first);
  const installed = await system.files();
  assertEquals(await system.text(PROGRAM), ours(1, PROGRAM));
  await system.call(first);
  assertEquals(await system.files(), installed);
  await system.call(first, "--remove");
  assertEquals(await system.files(), before);
  assertMatch(await system.call(first, "--remove"), /^virtlockd: not installed$/m);
});

testScene(
  "install.sh keeps the newest original when that was upgraded between two installations",
  async ({ first, second, system }) => {
    await system.call(first);
    await system.bring(2, ORIGINALS);
    await system.call(second);
    for (const path of ORIGINALS) {
      assertEquals(await system.text(path), ours(2, path));
      assertEquals(await system.text(kept(path)), theirs(2, path));
      assertEquals(await system.text(`${kept(path)}.~1~`), theirs(1, path));
    }
    const said = await system.call(second, "--remove");
    for (const path of ORIGINALS) {
      assertEquals(await system.text(path), theirs(2, path));
      assertEquals(await system.text(kept(path)), undefined);
      assertEquals(said.includes(`an older file stays, too: ${system.at(kept(path))}.~1~`), true);
    }
  },
);

testScene(
  "install.sh --remove leaves an original alone that was upgraded since",
  async ({ first, system }) => {
    await system.call(first);
    await system.bring(2, [PROGRAM]);
    const said = await system.call(first, "--remove");
    assertEquals(await system.text(PROGRAM), theirs(2, PROGRAM));
    assertEquals(await system.text(UNIT), theirs(1, UNIT));
    assertMatch(said, /\/usr\/sbin\/virtlockd is not as it was brought, and stays/);
    assertEquals(await system.text(kept(PROGRAM)), theirs(1, PROGRAM));
    assertEquals(said.includes(`an older file stays, too: ${system.at(kept(PROGRAM))}\n`), true);
  },
);

testScene(
  "install.sh does not lose the original to a file of ours that was changed",
  async ({ first, system }) => {
    await system.call(first);
    await Deno.writeTextFile(system.at(PROGRAM), "hostkeep, stripped");
    await system.call(first);
    assertEquals(await system.text(`${kept(PROGRAM)}.~1~`), theirs(1, PROGRAM));
    assertEquals(await system.text(kept(PROGRAM)), "hostkeep, stripped");
  },
);

testScene(
  "install.sh leaves a file of others alone that is the same as ours",
  async ({ first, second, system }) => {
    await Deno.writeTextFile(system.at(UNIT), ours(1, UNIT));
    const before = await system.files();
    await system.call(first);
    assertEquals(await system.text(kept(UNIT)), undefined);
    await system.call(first, "--remove");
    assertEquals(await system.files(), before);
    await system.call(first);
    await system.call(second);
    assertEquals(await system.text(kept(UNIT)), ours(1, UNIT));
    await system.call(second, "--remove");
    assertEquals(await system.files(), before);
  },
);

testScene("install.sh gives a symbolic link back as one", async ({ first, system }) => {
  await Deno.rename(system.at(PROGRAM), system.at(`${PROGRAM}-9.0`));
  await Deno.symlink("virtlockd-9.0", system.at(PROGRAM));
  await Deno.remove(system.at(UNIT));
  await Deno.symlink("/nowhere", system.at(UNIT));
  const before = await system.files();
  await system.call(first);
  assertEquals(await system.text(PROGRAM), ours(1, PROGRAM));
  assertEquals(await system.text(`${PROGRAM}-9.0`), theirs(1, PROGRAM));
  await system.call(first, "--remove");
  assertEquals(await system.files(), before);
});

testScene(
  "install.sh upgrades configuration that nobody has changed, and keeps what somebody has",
  async ({ first, second, system }) => {
    await system.call(first);
    assertEquals(await system.text(CONFIGURATION), theirs(1, CONFIGURATION));
    await system.call(second);
    assertEquals(await system.text(PROFILE), ours(2, PROFILE));
    await Deno.writeTextFile(system.at(PROFILE), "mine");
    await system.call(first);
    assertEquals(await system.text(PROFILE), "mine");
    assertMatch(
      await system.call(first, "--remove"),
      /hostkeep-virtlockd is not as it was brought/,
    );
    assertEquals(await system.text(PROFILE), "mine");
    assertEquals(await system.text(CONFIGURATION), theirs(1, CONFIGURATION));
  },
);

testScene("install.sh makes folders that all may enter, whatever the umask", async ({ first }) => {
  await inFolder(async (folder) => {
    const umask = Deno.umask(0o077);
    try {
      await new System(folder).call(first);
    } finally {
      Deno.umask(umask);
    }
    const closed = "find . -mindepth 1 -type d ! -perm 755";
    assertEquals((await run("sh", ["-c", closed], { cwd: folder })).output, "");
  });
});
