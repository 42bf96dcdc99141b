import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { findScripts } from "../../../daemons/cmannotifyd/effects/script_files.ts";
import { SETTINGS } from "./runner_settings.ts";

/** The scripts for STATECHANGE, without the directory, and what is said of directories. */
function found(directory: string): { scripts: string[]; said: string[] } {
  const said: string[] = [];
  const settings = { ...SETTINGS, directory };
  const scripts = findScripts(settings, "STATECHANGE", ({ message }) => said.push(message));
  const short = (text: string): string => text.replace(`${directory}/`, "");
  return { scripts: scripts.map(short), said: said.map(short) };
}

function writeScript(path: string): void {
  Deno.writeTextFileSync(path, "#!/bin/sh\n", { mode: 0o755 });
}

Deno.test("findScripts puts those of an event behind the others, and one directory that cannot be read keeps no other's from running", () => {
  const folder = Deno.makeTempDirSync();
  const [directory, event] = [`${folder}/d`, `${folder}/d/statechange.d`];
  try {
    assertEquals(found(directory), { scripts: [], said: [] });
    Deno.mkdirSync(event, { recursive: true });
    writeScript(`${event}/10-of-event`);
    writeScript(`${directory}/20-of-all`);
    assertEquals(found(directory), {
      scripts: ["20-of-all", "statechange.d/10-of-event"],
      said: [],
    });
    Deno.removeSync(event, { recursive: true });
    Deno.symlinkSync("statechange.d", event);
    assertEquals(found(directory), {
      scripts: ["20-of-all"],
      said: ['open "statechange.d": Too many levels of symbolic links'],
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
