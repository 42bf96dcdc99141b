/** Archives in the "newc" format, which the kernel unpacks as an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst). */

export interface Entry {
  readonly path: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;

/** An archive of files that may all be executed, each after the folders that hold it; the same entries give the same bytes. */
export function cpioArchive(entries: readonly Entry[]): Blob {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const made = new Set<string>();
  let inode = 1;
  const add = (path: string, mode: number, content: Uint8Array<ArrayBuffer>): void => {
    parts.push(...member(path, inode++, mode, content));
  };
  for (const { path, content } of entries) {
    for (const folder of foldersOf(path).filter((folder) => !made.has(folder))) {
      made.add(folder);
      add(folder, DIRECTORY, new Uint8Array());
    }
    add(path, PROGRAM, content);
  }
  parts.push(...member("TRAILER!!!", 0, 0, new Uint8Array()));
  return new Blob(parts);
}

function foldersOf(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}

/** Thirteen fields of eight hexadecimal digits, the name with its NUL, the content; name and content end at a multiple of four. */
function member(
  path: string,
  inode: number,
  mode: number,
  content: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer>[] {
  const name = new TextEncoder().encode(`${path}\0`);
  const [uid, gid, links, mtime, device, check] = [0, 0, 1, 0, 0, 0];
  const fields = [inode, mode, uid, gid, links, mtime, content.length]
    .concat(device, device, device, device, name.length, check);
  const header = new TextEncoder().encode(`070701${fields.map(hexadecimal).join("")}`);
  return [header, name, padding(header.length + name.length), content, padding(content.length)];
}

function hexadecimal(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, "0");
}

function padding(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((4 - length % 4) % 4);
}
