/** The lines of a manifest that are about paths, as things to try. */
import { EACCES } from "../../ffi/errno.ts";
import type { PathRight } from "../../src/host/manifest.ts";
import type { SandboxPolicy } from "../../src/host/sandbox.ts";
import { allowedSyscalls } from "../../src/host/runtime_syscalls.ts";
import type { Attempt } from "../ffi/attempts.ts";
import { ALL_RIGHTS, type Place, type Site } from "./places.ts";
import type { Trial } from "./trial.ts";

/** asm-generic/errno-base.h: what is found to be no program has been opened as one. */
const ENOEXEC = 8;

/** What each right lets a process do, in a folder that has been furnished, and what that gives. */
const IN_FOLDER: Readonly<Record<PathRight, (path: string) => [Attempt, number]>> = {
  read: (path) => [["read", `${path}/file`], 0],
  write: (path) => [["write", `${path}/file`], 0],
  // A file that is made is opened, too, which is another right.
  create: (path) => [["mkdir", `${path}/new`], 0],
  socket: (path) => [["bindUnix", `${path}/socket`], 0],
  remove: (path) => [["removeFolder", `${path}/folder`], 0],
  execute: (path) => [["execute", `${path}/program`], ENOEXEC],
};

/** The same of what is there anyway. A loader is executed when a program is. */
const IN_PLACE: Readonly<Partial<Record<PathRight, (path: string) => [Attempt, number]>>> = {
  read: (path) => [["read", path], 0],
  write: (path) => [["write", path], 0],
  execute: () => [["become"], 0],
};

function attemptAt(
  { path, isOwn, isFile }: Place,
  right: PathRight,
): [Attempt, number] | undefined {
  return isOwn && !isFile ? IN_FOLDER[right](path) : IN_PLACE[right]?.(path);
}

/** What is granted works, and does not once no line grants it. */
export function granted(policy: SandboxPolicy, site: Site): Trial[] {
  return policy.paths.filter(({ path }) => isHere(path, site)).flatMap(({ path, rights }) =>
    rights.map((right): Trial => {
      const place = site.placeOf(path);
      const attempt = attemptAt(place, right);
      if (attempt === undefined) throw new RangeError(`no way to try "${right}" on "${path}"`);
      return {
        line: `${path}: ${right}`,
        attempt: attempt[0],
        works: { policy, result: attempt[1] },
        fails: {
          policy: { ...policy, paths: site.without(policy.paths, place.path, right) },
          result: EACCES,
        },
      };
    })
  );
}

/** What is not granted fails, beside what is and elsewhere, and would work if a line granted it. */
export function notGranted(policy: SandboxPolicy, site: Site): Trial[] {
  const paths = [...policy.paths.map(({ path }) => path), site.elsewhere]
    .filter((path) => isHere(path, site)).map((path) => site.placeOf(path).path);
  const places = [...new Set(paths)].map((path) => site.placeOf(path))
    .filter(({ isOwn }) => isOwn);
  return ALL_RIGHTS.flatMap((right) => {
    const missing = places.filter((place) => !has(policy, site, place, right));
    // What is executed is opened for reading, too.
    const rights: PathRight[] = right === "execute" ? ["read", right] : [right];
    const lines = missing.map(({ path }) => ({ path, rights, why: "" }));
    const generous = { ...policy, paths: [...policy.paths, ...lines] };
    return missing.flatMap((place): Trial[] => {
      const [attempt, result] = attemptAt(place, right) ?? [];
      if (attempt === undefined || result === undefined || attempt[0] === "become") return [];
      return [{
        line: `${place.path}: no ${right}`,
        attempt,
        works: { policy: generous, result },
        fails: { policy, result: EACCES },
      }];
    });
  });
}

/** Granted there, or not to be tried, since the filter has no such call. */
function has(policy: SandboxPolicy, site: Site, { path }: Place, right: PathRight): boolean {
  if (right === "execute" && !allowedSyscalls(policy).includes("execve")) return true;
  return policy.paths.some((grant) =>
    site.covers(grant.path, path) && grant.rights.includes(right)
  );
}

/** A loader is that of one architecture. */
export function isHere(path: string, site: Site): boolean {
  try {
    site.placeOf(path);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const other = Deno.build.arch === "x86_64" ? "aarch64" : "x86-64";
    if (path.includes(other)) return false;
    throw error;
  }
}
