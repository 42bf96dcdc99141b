/** What tests of an install script that is interrupted have in common. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { inFolder } from "../needs.ts";
import { CONFIGURATION, ORIGINALS, ours, System, theirs, unpacked } from "./small_archive.ts";

/** What is the same wherever it is interrupted. */
export interface Scene {
  readonly folder: string;
  /** Install scripts of version 1 and 2. */
  readonly scripts: readonly [string, string];
  /** The system before anything of ours came, and what it had. */
  readonly untouched: System;
  readonly before: string;
}

/** Every original is there, at its path or kept beside it, and something is at the path. */
export async function nothingIsLost(system: System, at: string): Promise<void> {
  for (const path of ORIGINALS) {
    const texts = [await system.text(path), await system.text(`${path}.before-hostkeep`)];
    assertEquals(texts[0] !== undefined && texts.includes(theirs(1, path)), true, `${path} ${at}`);
  }
  assertEquals(await system.text(CONFIGURATION), theirs(1, CONFIGURATION), at);
}

/** A removal gives everything back, and leaves nothing. */
export async function removed(
  { scripts, before }: Scene,
  system: System,
  at: string,
): Promise<void> {
  await system.call(scripts[1], "--remove");
  assertEquals(await system.files(), before, at);
}

/** An installation that is not interrupted is whole, whatever there was. */
export async function installed({ scripts }: Scene, system: System, at: string): Promise<void> {
  await system.call(scripts[1]);
  for (const path of ORIGINALS) assertEquals(await system.text(path), ours(2, path), at);
}

/** Where what the script writes through to the disk takes no time. */
const MEMORY = "/dev/shm";

/** A test with two versions of ours and a system that has seen none. */
export function testInterrupted(
  name: string,
  body: (scene: Scene) => Promise<void>,
  { ignore }: { readonly ignore: boolean } = { ignore: false },
): void {
  const fn = () =>
    inFolder(async (folder) => {
      const untouched = new System(join(folder, "untouched"));
      await untouched.bring(1);
      const scripts = [
        await unpacked(join(folder, "first"), 1),
        await unpacked(join(folder, "second"), 2),
      ] as const;
      await body({ folder, scripts, untouched, before: await untouched.files() });
    }, MEMORY);
  Deno.test({ name, ignore, fn });
}
