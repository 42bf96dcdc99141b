/** Programs for arm64 on this machine: QEMU translates their instructions, and hands their system calls to our own kernel. */
import { type Finished, hostTarget, run } from "../../../tasks/toolchain.ts";

/** Debian's package qemu-user has it. */
export const EMULATOR = "/usr/bin/qemu-aarch64";

/** Where the cross compiler's C library is (libc6-arm64-cross, libgcc-s1-arm64-cross), and programs find it as theirs. */
const LIBRARIES = "/usr/aarch64-linux-gnu";

/** The arguments of the emulator for a program. */
export function emulated(program: string, args: readonly string[] = []): string[] {
  return ["-L", LIBRARIES, program, ...args];
}

/** Runs a program for arm64 to its end. */
export async function runEmulated(program: string, args: readonly string[]): Promise<Finished> {
  return await run(EMULATOR, emulated(program, args));
}

/** Why no program for arm64 can be run here; undefined if one can. */
export function emulationObstacle(): string | undefined {
  if (hostTarget() !== "amd64") return "arm64 is emulated on x86-64 machines only";
  for (const path of [EMULATOR, `${LIBRARIES}/lib/libc.so.6`]) {
    if (!isThere(path)) return `${path} is not there`;
  }
  return undefined;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
