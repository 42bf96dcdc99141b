import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { PidFile } from "../../../src/host/pidfile.ts";

function inFolder(body: (path: string, folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    body(`${folder}/x.pid`, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("PidFile.release removes the file that it holds", () =>
  inFolder((path, folder) => {
    const held = PidFile.acquire(path);
    assertEquals(Deno.readTextFileSync(path), String(Deno.pid));
    held.release();
    assertEquals([...Deno.readDirSync(folder)], []);
  }));

Deno.test("PidFile.release leaves the file of a daemon that came after its own was removed", () =>
  inFolder((path) => {
    const held = PidFile.acquire(path);
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, "1");
    held.release();
    assertEquals(Deno.readTextFileSync(path), "1");
  }));
