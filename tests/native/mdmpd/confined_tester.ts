/** Starts a tester that cannot be watched, under the daemon's own list of system calls, and prints the name of the call that failed. */
import "../../bind_libc.ts";
import { startTester } from "../../../daemons/mdmpd/effects/tester_process.ts";
import { manifest } from "../../../daemons/mdmpd/manifest.ts";
import { setNoNewPrivileges } from "../../../ffi/capability.ts";
import { Errno } from "../../../ffi/errno.ts";
import { compileFilter, installFilter } from "../../../ffi/seccomp.ts";
import { filterTable } from "../../../src/host/sandbox_calls.ts";
import { withDescriptors } from "./few_descriptors.ts";

/** Two pipes, and nothing for the process. */
const FREE = 4;
const program = { path: "/bin/true", calledAs: "true", args: [], environment: new Map() };

function confine(): void {
  setNoNewPrivileges();
  const filter = compileFilter(filterTable(manifest, Deno.build.arch), Deno.build.arch);
  if (installFilter(filter) !== 0) throw new Error("no filter");
}

function failedCall(): string {
  try {
    startTester(program);
    return "none";
  } catch (error) {
    if (error instanceof Errno) return error.call;
    throw error;
  }
}

if (import.meta.main) {
  const call = withDescriptors(FREE, () => {
    confine();
    return failedCall();
  });
  console.log(call);
  Deno.exit();
}
