/** Executes a program as a kernel without Landlock would: the call answers ENOSYS. ARGS: the program and its arguments. */
import { ENOSYS } from "../../ffi/errno.ts";
import { environment, execute } from "../../ffi/process.ts";
import { removeCalls } from "../src/host/sandboxed_program.ts";

const inherited = environment();
removeCalls({ calls: ["landlock_create_ruleset"], errno: ENOSYS });
console.error(`not executed: ${execute(Deno.args[0], Deno.args, inherited)}`);
