/**
 * Binds every function of libc now. ffi/open.ts binds one when it is first used, and the resource sanitizer would take that for
 * a library left open by the test in which it happens. Imported by tests for this effect.
 */
import { libc } from "../ffi/libc.ts";
import { compileCalls } from "../ffi/open.ts";

compileCalls();
Object.values(libc);
