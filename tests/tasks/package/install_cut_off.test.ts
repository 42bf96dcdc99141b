/** The archive's install script is ended at each command that changes something; what follows finds every original. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { countingCommands, cutOff, type Ending } from "./cut_off.ts";
import { installed, nothingIsLost, removed, type Scene, testInterrupted } from "./interrupted.ts";
import { ORIGINALS, type System, theirs } from "./small_archive.ts";

/** Where the script is killed: commands that change more than files beside those that are to be replaced. */
interface Cut {
  readonly options: readonly string[];
  readonly commands: readonly string[];
  /** How many of them there are in a run. */
  readonly atLeast: number;
  readonly ending: Ending;
}

/** Each of the files is copied and renamed, two are kept. */
const INSTALL: Cut = {
  options: [],
  commands: ["cp", "ln", "mv", "sort"],
  atLeast: 10,
  ending: "KILL",
};
const TOLD_TO_END: Cut = { ...INSTALL, ending: "TERM" };
const REMOVE: Cut = { options: ["--remove"], commands: ["mv", "rm"], atLeast: 5, ending: "KILL" };

/** The original is upgraded while the installation is not whole; what is given back is the newer one. */
async function upgraded({ scripts }: Scene, system: System, at: string): Promise<void> {
  await system.bring(2, ORIGINALS);
  await system.call(scripts[1]);
  await system.call(scripts[1], "--remove");
  for (const path of ORIGINALS) assertEquals(await system.text(path), theirs(2, path), at);
}

/** Ends version 2 at each command, and lets `body` go on with what is there then. */
async function atEachCommand(
  scene: Scene,
  start: System,
  cut: Cut,
  body: (system: System, name: string, at: string) => Promise<void>,
): Promise<void> {
  const commands = await countingCommands(join(scene.folder, "commands"), cut.commands, cut.ending);
  for (let last = 1; last < 1_000; last++) {
    const name = join(scene.folder, `cut-off-${last}`);
    const system = await start.copy(name);
    const script = [scene.scripts[1], "--root", system.folder, ...cut.options];
    const came = await cutOff(commands, last, script);
    await nothingIsLost(system, `before command ${last}`);
    if (!came) return assertEquals(last > cut.atLeast, true, `only ${last - 1} commands`);
    await body(system, name, `when it was cut off before command ${last}`);
    await Deno.remove(name, { recursive: true });
  }
}

testInterrupted("install.sh loses no original when its first run is killed", async (scene) => {
  await atEachCommand(scene, scene.untouched, INSTALL, async (system, name, at) => {
    const [again, newer] = [await system.copy(`${name}-a`), await system.copy(`${name}-b`)];
    await installed(scene, again, at);
    await removed(scene, again, at);
    await upgraded(scene, newer, at);
    await removed(scene, system, at);
  });
});

testInterrupted("install.sh loses no original when its upgrade is killed", async (scene) => {
  const system = await scene.untouched.copy(join(scene.folder, "with-version-1"));
  await system.call(scene.scripts[0]);
  await atEachCommand(scene, system, INSTALL, async (system, name, at) => {
    const again = await system.copy(`${name}-a`);
    await installed(scene, again, at);
    await removed(scene, again, at);
    await removed(scene, system, at);
  });
});

testInterrupted("install.sh --remove goes on where it was killed", async (scene) => {
  const system = await scene.untouched.copy(join(scene.folder, "with-version-2"));
  await system.call(scene.scripts[1]);
  await atEachCommand(scene, system, REMOVE, async (system, _, at) => {
    await removed(scene, system, at);
  });
});

testInterrupted("install.sh leaves no copies behind when it is told to end", async (scene) => {
  await atEachCommand(scene, scene.untouched, TOLD_TO_END, async (system, _, at) => {
    assertEquals((await system.files()).includes(".new-hostkeep"), false, at);
    await removed(scene, system, at);
  });
});
