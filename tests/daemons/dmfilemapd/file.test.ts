/** The file at a path, as PathFile opens it. */
import "../../bind_libc.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  PathFile,
  UnfitFileError,
  UnopenedError,
} from "../../../daemons/dmfilemapd/effects/file.ts";
import {
  closeDescriptor,
  F_UNLCK,
  F_WRLCK,
  O_CLOEXEC,
  O_RDWR,
  openFile,
} from "../../../ffi/file.ts";
import { CONSTANTS } from "../../../ffi/filesystem.ts";
import { IN_CLOSE_NOWRITE, IN_OPEN, Inotify } from "../../../ffi/inotify.ts";
import { libc } from "../../../ffi/libc.ts";
import { cString } from "../../../ffi/memory.ts";

const SILENT = { renew(): void {}, set(): void {} };
const NOBODY = { device: 0, inode: 0 };

function withFile(use: (path: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "dmfilemapd-file-" });
  try {
    use(`${folder}/f`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("PathFile.look takes a file with a write lease for one that cannot be opened now, not for a missing one", () => {
  withFile((path) => {
    Deno.writeTextFileSync(path, "x");
    // The kernel tells the holder by SIGIO, which would end this process.
    const listen = (): void => {};
    Deno.addSignalListener("SIGIO", listen);
    const holder = openFile(cString(path), O_RDWR | O_CLOEXEC, 0);
    try {
      assertEquals(libc.fcntl(holder, CONSTANTS.F_SETLEASE, F_WRLCK), 0);
      assertThrows(() => new PathFile(path, NOBODY, SILENT).look(), UnopenedError);
      libc.fcntl(holder, CONSTANTS.F_SETLEASE, F_UNLCK);
    } finally {
      closeDescriptor(holder);
      Deno.removeSignalListener("SIGIO", listen);
    }
  });
});

Deno.test("PathFile.look gives nothing where there is no file", () => {
  withFile((path) => assertEquals(new PathFile(path, NOBODY, SILENT).look(), undefined));
});

Deno.test("PathFile.look opens nothing but a regular file: a device may begin to work when it is opened", () => {
  withFile((path) => {
    new Deno.Command("mkfifo", { args: [path] }).outputSync();
    Deno.symlinkSync(path, `${path}.link`);
    const inotify = new Inotify();
    assert(inotify.add(path, IN_OPEN | IN_CLOSE_NOWRITE) >= 0);
    const look = (): unknown => new PathFile(`${path}.link`, NOBODY, SILENT).look();
    assertThrows(look, UnfitFileError, "Not a regular file");
    assertEquals(inotify.read(), []);
    inotify.close();
  });
});
