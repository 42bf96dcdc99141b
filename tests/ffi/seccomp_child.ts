/** Puts a filter on itself, then tries things, and prints each result on a line of its own, since the next may be the last. */
import { setNoNewPrivileges } from "../../ffi/capability.ts";
import { compileFilter, type FilterTable, installFilter, isMarked } from "../../ffi/seccomp.ts";
import { type Attempt, bindAll, tryAll } from "./attempts.ts";

export interface SeccompOrder {
  /** One after the other. */
  readonly tables: readonly FilterTable[];
  readonly noNewPrivileges?: boolean;
  readonly marks?: readonly number[];
  readonly attempts: readonly Attempt[];
  /** Prints how many threads there are, and how many of them have a filter. */
  readonly countThreads?: boolean;
}

function countThreads(): void {
  const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) =>
    Deno.readTextFileSync(`/proc/self/task/${name}/status`)
  );
  console.log(threads.length);
  console.log(threads.filter((status) => status.includes("\nSeccomp:\t2\n")).length);
}

if (import.meta.main) {
  const order: SeccompOrder = JSON.parse(Deno.args[0]);
  bindAll();
  if (order.noNewPrivileges ?? true) setNoNewPrivileges();
  for (const table of order.tables) {
    console.log(installFilter(compileFilter(table, Deno.build.arch)));
  }
  for (const mark of order.marks ?? []) console.log(isMarked(mark) ? 1 : 0);
  if (order.countThreads) countThreads();
  for (const attempt of order.attempts) console.log(tryAll([attempt])[0]);
}
