/**
 * A program that enters the sandbox as the JSON in its first argument says, and then tries things. It prints the report, what the
 * kernel says of the process, and the result of each attempt, each as JSON on a line of its own, since the next may be the last.
 */
import { readWholeFile } from "../../../ffi/file.ts";
import { setNoNewPrivileges } from "../../../ffi/capability.ts";
import { environment, execute } from "../../../ffi/process.ts";
import { compileFilter, failWith, installFilter, SECCOMP_RET_ALLOW } from "../../../ffi/seccomp.ts";
import { NEWEST_KNOWN_SYSCALL, syscallNumber } from "../../../ffi/syscalls.ts";
import {
  describeSandbox,
  enterSandbox,
  isComplete,
  type SandboxOptions,
  type SandboxPolicy,
} from "../../../src/host/sandbox.ts";
import type { SandboxPlaces } from "../../../src/host/sandbox_paths.ts";
import { type Attempt, tryAll } from "../../ffi/attempts.ts";
import { tryPermission } from "./permissions.ts";

export interface SandboxOrder {
  readonly policy: SandboxPolicy;
  readonly places: SandboxPlaces;
  readonly options?: SandboxOptions;
  /** As on a kernel that answers these calls with this errno. */
  readonly missing?: { readonly calls: readonly string[]; readonly errno: number };
  /** Permissions of Deno's that are tried before the sandbox is entered: their results come first. */
  readonly permissions?: readonly Attempt[];
  readonly attempts: readonly Attempt[];
  /** Then becomes this program, with these arguments. */
  readonly become?: readonly string[];
}

export interface SandboxStart {
  readonly description: string;
  readonly complete: boolean;
  /** /proc/self/status, or undefined where it may not be read. */
  readonly status?: Readonly<Record<string, string>>;
}

/** Pretends that the kernel lacks calls. */
export function removeCalls({ calls, errno }: NonNullable<SandboxOrder["missing"]>): void {
  setNoNewPrivileges();
  const rules = calls.map((name) => ({
    number: syscallNumber(name) ?? -1,
    verdict: failWith(errno),
  }));
  const rest = { otherwise: SECCOMP_RET_ALLOW, newer: SECCOMP_RET_ALLOW };
  const table = { rules, newestKnown: NEWEST_KNOWN_SYSCALL, ...rest };
  const installed = installFilter(compileFilter(table, Deno.build.arch));
  if (installed !== 0) throw new Error(`no filter: ${installed}`);
}

function readStatus(): Record<string, string> | undefined {
  try {
    const text = new TextDecoder().decode(readWholeFile("/proc/self/status", 65_536));
    return Object.fromEntries(text.trim().split("\n").map((line) => line.split(/:\s*/, 2)));
  } catch {
    return undefined;
  }
}

function start({ policy, places, options }: SandboxOrder): SandboxStart {
  const report = enterSandbox(policy, places, options);
  const status = readStatus();
  return {
    description: describeSandbox(report),
    complete: isComplete(report),
    ...(status === undefined ? {} : { status }),
  };
}

if (import.meta.main) {
  const order: SandboxOrder = JSON.parse(Deno.args[0]);
  const inherited = environment();
  for (const permission of order.permissions ?? []) console.log(tryPermission(permission));
  if (order.missing !== undefined) removeCalls(order.missing);
  console.log(JSON.stringify(start(order)));
  for (const attempt of order.attempts) console.log(tryAll([attempt])[0]);
  if (order.become !== undefined) console.log(execute(order.become[0], order.become, inherited));
}
