/** What a compiled program may try to get from the runtime, past ffi/. */
import type { Attempt } from "../../ffi/attempts.ts";

/** The flag of `deno compile` that would permit it, and the way to find out. */
export const PERMISSIONS: Readonly<Record<string, (argument: string) => unknown>> = {
  "--allow-ffi": (library) => Deno.dlopen(library, {}).close(),
  "--allow-read": (path) => Deno.readTextFileSync(path),
  "--allow-write": (path) => Deno.writeTextFileSync(path, ""),
  "--allow-net": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
  "--allow-env": () => Deno.env.get("HOME"),
  "--allow-run": (program) => new Deno.Command(program).outputSync(),
  "--allow-sys": () => Deno.hostname(),
};

/** 0 when it worked, 1 when the runtime has not been given the flag, 2 when it failed for another reason. */
export function tryPermission([flag, argument]: Attempt): number {
  try {
    PERMISSIONS[flag](argument);
    return 0;
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? 1 : 2;
  }
}
