/** inotify's events on real files and folders, as the daemon hears them. */
import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { Watches } from "../../../daemons/dmfilemapd/effects/watches.ts";
import { closeDescriptor, O_CLOEXEC, O_RDONLY, openFile } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";

/** A folder with `cur/f` and `new/f`, and watches on the path of the first; gone afterwards. */
function withFolders(use: (base: string, watches: Watches) => void): void {
  const base = Deno.makeTempDirSync({ prefix: "dmfilemapd-watches-" });
  const watches = new Watches();
  try {
    for (const name of ["cur", "new"]) {
      Deno.mkdirSync(`${base}/${name}`);
      Deno.writeTextFileSync(`${base}/${name}/f`, name);
    }
    watches.watchPath(`${base}/cur/f`);
    use(base, watches);
  } finally {
    watches.close();
    Deno.removeSync(base, { recursive: true });
  }
}

function heard(watches: Watches): string[] {
  return watches.read().map(({ type }) => type);
}

Deno.test("Watches.renew follows the path into a folder that has taken another's place", () => {
  withFolders((base, watches) => {
    Deno.renameSync(`${base}/cur`, `${base}/old`);
    assertEquals(heard(watches), ["moved"]);
    watches.renew();
    Deno.renameSync(`${base}/new`, `${base}/cur`);
    watches.renew();
    assertEquals(heard(watches), [], "nothing tells of it: the path is looked at again");
    Deno.removeSync(`${base}/cur/f`);
    assertEquals(heard(watches), ["moved"], "in the new folder");
    Deno.removeSync(`${base}/old/f`);
    assertEquals(heard(watches), [], "in the old one, which is not watched any more");
  });
});

Deno.test("Watches.renew keeps the watches of a folder that moves away and back", () => {
  withFolders((base, watches) => {
    Deno.renameSync(`${base}/cur`, `${base}/old`);
    Deno.renameSync(`${base}/old`, `${base}/cur`);
    assertEquals(heard(watches), ["moved"]);
    watches.renew();
    Deno.renameSync(`${base}/new/f`, `${base}/cur/f`);
    assertEquals(heard(watches), ["moved"]);
    Deno.renameSync(`${base}/cur`, `${base}/old`);
    assertEquals(heard(watches), ["moved"]);
  });
});

Deno.test("Watches.takeUse loses nothing that happened to the file", () => {
  withFolders((base, watches) => {
    const path = `${base}/cur/f`;
    const fd = openFile(cString(path), O_RDONLY | O_CLOEXEC, 0);
    watches.set(fd);
    Deno.writeTextFileSync(path, "more", { append: true });
    assertEquals([watches.takeUse(), watches.hasMore], [true, true], "the node is not watched");
    assertEquals([heard(watches), watches.hasMore], [["opened", "changed", "closed"], false]);
    closeDescriptor(fd);
  });
});

/** Events that inotify keeps for who does not read them; beyond, it tells that some were lost. */
const QUEUED_MAX = Number(Deno.readTextFileSync("/proc/sys/fs/inotify/max_queued_events"));

Deno.test("Watches.read takes a queue that has overflowed for all that may have happened, also to the folders", () => {
  withFolders((base, watches) => {
    // Two events each time, and none like the one before it, which would be made one with it.
    for (let count = 0; count <= QUEUED_MAX; count += 2) {
      Deno.linkSync(`${base}/cur/f`, `${base}/cur/g`);
      Deno.removeSync(`${base}/cur/g`);
    }
    Deno.renameSync(`${base}/cur`, `${base}/old`);
    Deno.renameSync(`${base}/new`, `${base}/cur`);
    assertEquals(heard(watches).sort(), ["changed", "closed", "controlUsed", "moved", "opened"]);
    watches.renew();
    Deno.removeSync(`${base}/cur/f`);
    assertEquals(heard(watches), ["moved"], "in the folder that is there now");
  });
});
