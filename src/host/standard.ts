/** Standard output and error, for what a program says before and beside its log. */
import { Errno } from "../../ffi/errno.ts";
import { writeAll } from "../../ffi/file.ts";

export const STDOUT = 1;
export const STDERR = 2;

/** Writes text; nobody reading it is no reason to fail. */
export function writeText(fd: number, text: string): void {
  try {
    writeAll(fd, new TextEncoder().encode(text), "standard output");
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}
