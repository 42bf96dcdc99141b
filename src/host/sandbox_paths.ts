/** From the manifest's list of paths to Landlock's rules. */
import {
  LANDLOCK_ACCESS_FS_EXECUTE,
  LANDLOCK_ACCESS_FS_MAKE_DIR,
  LANDLOCK_ACCESS_FS_MAKE_REG,
  LANDLOCK_ACCESS_FS_MAKE_SOCK,
  LANDLOCK_ACCESS_FS_READ_DIR,
  LANDLOCK_ACCESS_FS_READ_FILE,
  LANDLOCK_ACCESS_FS_REMOVE_DIR,
  LANDLOCK_ACCESS_FS_REMOVE_FILE,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  LANDLOCK_ACCESS_FS_WRITE_FILE,
} from "../../ffi/landlock.ts";
import { candidatePaths } from "../../ffi/libraries.ts";
import type { PathGrant, PathRight } from "./manifest.ts";

/**
 * What each of the manifest's rights is to Landlock. In none of them, and so refused everywhere: device nodes, FIFOs, symbolic
 * links, moving files between directories, device ioctls.
 */
const RIGHTS: Readonly<Record<PathRight, number>> = {
  read: LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
  write: LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE,
  create: LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE,
  socket: LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE,
  remove: LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR,
  execute: LANDLOCK_ACCESS_FS_EXECUTE,
};

/**
 * Where this process has what manifests write as `$run` and so on; absolute paths. A program that was called through a symbolic
 * link has two folders: the link's, and the one its file is in.
 */
export type SandboxPlaces = Readonly<
  Partial<Record<"run" | "config" | "cache" | "log" | "program", string | readonly string[]>>
>;

export interface PathRule {
  readonly path: string;
  /** LANDLOCK_ACCESS_FS_… */
  readonly rights: number;
  /** Whether its absence is worth a word: a place of this process should be there, other paths are so on some systems only. */
  readonly expected: boolean;
}

/** `$run/x` with its place, or each of them, put in. Throws RangeError for a place that is not given. */
function resolve(path: string, places: SandboxPlaces): string[] {
  const [, name, rest] = /^\$(\w+)(.*)$/.exec(path) ?? [];
  if (name === undefined) return [path];
  const place = (places as Readonly<Record<string, string | readonly string[] | undefined>>)[name];
  if (place === undefined) throw new RangeError(`no place is given for "${path}"`);
  return [...new Set([place].flat())].map((folder) => folder + rest);
}

/** The rules of a list of grants. Throws RangeError for a place that is not given. */
export function pathRules(grants: readonly PathGrant[], places: SandboxPlaces): PathRule[] {
  return grants.flatMap(({ path, rights }) =>
    resolve(path, places).map((resolved) => ({
      path: resolved,
      rights: rights.reduce((sum, right) => sum | RIGHTS[right], 0),
      expected: path.startsWith("$"),
    }))
  );
}

/** The rules for shared libraries, by soname: ffi/open.ts binds a function at its first use, and the loader then opens the file. */
export function libraryRules(libraries: readonly string[]): PathRule[] {
  return libraries.flatMap((soname) => candidatePaths(soname))
    .map((path) => ({ path, rights: LANDLOCK_ACCESS_FS_READ_FILE, expected: false }));
}
