/** What a daemon's manifest means to `deno compile`. */
import { candidatePaths } from "../ffi/libraries.ts";
import type { Manifest } from "../src/host/manifest.ts";
import { type Target, targets } from "./toolchain.ts";

/**
 * For every daemon: one thread, a bounded heap, room for corosync's dispatch functions on the stack. And source positions at
 * once, since the first Error would have the whole program parsed again to find its own (6 ms of a start).
 */
const v8Flags = [
  "--single-threaded",
  "--max-old-space-size=48",
  "--stack-size=4000",
  "--no-enable-lazy-source-positions",
];

/** The flags of `deno compile` for a daemon: the one permission is to open its libraries. */
export function compileFlags(manifest: Manifest, target: Target): string[] {
  return [
    "--no-prompt",
    "--no-code-cache",
    `--v8-flags=${[...v8Flags, ...manifest.v8Flags].join(",")}`,
    ffiPermission(manifest, target),
  ];
}

function ffiPermission(manifest: Manifest, target: Target): string {
  if (manifest.ffiUnscoped !== undefined) return "--allow-ffi";
  const paths = manifest.libraries.flatMap((name) => candidatePaths(name, targets[target].arch));
  if (paths.length === 0) throw new Error(`manifest of "${manifest.name}" names no library`);
  return `--allow-ffi=${paths.join(",")}`;
}
