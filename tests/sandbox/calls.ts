/** The lines of a manifest that are about system calls and address families, as things to try. */
import { EAFNOSUPPORT, EPERM, ESRCH } from "../../ffi/errno.ts";
import { NEWEST_KNOWN_SYSCALL, syscallNumber } from "../../ffi/syscalls.ts";
import type { SandboxPolicy } from "../../src/host/sandbox.ts";
import { FORBIDDEN_SYSCALLS } from "../../src/host/sandbox_calls.ts";
import {
  allowedSyscalls,
  HOST_SYSCALLS,
  RUNTIME_SYSCALLS,
} from "../../src/host/runtime_syscalls.ts";
import type { Attempt } from "../ffi/attempts.ts";
import type { Trial } from "./trial.ts";

/** No process has it. */
const NO_PID = "2147483647";
/** Shares signal handlers but no memory, which the kernel refuses (clone(2)). */
const CLONE_SIGHAND = "2048";

/** Arguments with which a call does no harm and the kernel proper answers something else than the filter would. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  kill: [NO_PID, "0"],
  clone: [CLONE_SIGHAND],
};
/** All of whose bits are set: a bad descriptor, address, flag and length. */
const BAD = Array.from({ length: 5 }, () => "-1");

/** linux/socket.h */
const FAMILIES: Readonly<Record<string, number>> = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  AF_PACKET: 17,
  AF_VSOCK: 40,
};

/** `kill(0)` and `socket(AF_…)` are about arguments. */
function isPlain(name: string): boolean {
  return !name.includes("(");
}

/** The same rules, but that what is not listed fails instead of being the end. */
function mild(policy: SandboxPolicy): SandboxPolicy {
  return { ...policy, otherSyscalls: "errno" };
}

/** Calls that are listed get through to the kernel, and do not without their line. */
export function listedCalls(policy: SandboxPolicy): Trial[] {
  return policy.syscalls.flatMap((line) => {
    const syscalls = policy.syscalls.filter((one) => one !== line);
    const fails = { policy: mild({ ...policy, syscalls }), result: EPERM };
    return line.names.filter((name) => !name.startsWith("socket(")).flatMap((name): Trial[] => {
      const call = name.replace("(0)", "");
      const number = syscallNumber(call, Deno.build.arch);
      if (number === undefined) return [];
      const attempt = ["call", String(number), ...HARMLESS[call] ?? BAD] as const;
      return [{ line: `call ${name}`, attempt, works: { policy, result: "anything else" }, fails }];
    });
  });
}

/** Calls of a manifest that all daemons may make anyway: lines that say nothing. */
export function surplusCalls(policy: SandboxPolicy): string[] {
  const common = new Set([...RUNTIME_SYSCALLS, ...HOST_SYSCALLS].flatMap(({ names }) => names));
  return policy.syscalls.flatMap(({ names }) => names).filter((name) => common.has(name));
}

/** uretprobe and uprobe of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl), which no filter is asked about (kernel/seccomp.c). */
const UNFILTERED = Deno.build.arch === "x86_64" ? [335, 336] : [];

/** Every number of a call that is not listed fails; those that are the end of any daemon are not among them. */
export function otherCalls(policy: SandboxPolicy): { policy: SandboxPolicy; attempts: Attempt[] } {
  const known = new Set(
    [...allowedSyscalls(policy), ...FORBIDDEN_SYSCALLS, "clone3"]
      .map((name) => syscallNumber(name, Deno.build.arch)),
  );
  const numbers = Array.from({ length: NEWEST_KNOWN_SYSCALL + 1 }, (_, number) => number);
  const attempts = numbers.filter((number) => !known.has(number) && !UNFILTERED.includes(number))
    .map((number): Attempt => ["call", String(number), ...BAD]);
  return { policy: mild(policy), attempts };
}

/** Other uses of a call of which one is listed. */
export function otherArguments(policy: SandboxPolicy): Trial[] {
  const asksOnly = policy.syscalls.some(({ names }) => names.includes("kill(0)"));
  if (!asksOnly) return [];
  const syscalls = policy.syscalls.map((grant) => ({
    ...grant,
    names: grant.names.map((name) => name.replace("kill(0)", "kill")),
  }));
  return [{
    line: "kill with a signal",
    attempt: ["call", String(syscallNumber("kill", Deno.build.arch)), NO_PID, "15"],
    works: { policy: { ...policy, syscalls }, result: ESRCH },
    fails: { policy: mild(policy), result: EPERM },
  }];
}

/** AF_UNIX, those of the manifest, and no others. */
export function families(policy: SandboxPolicy): { attempts: Attempt[]; results: number[] } {
  const listed = policy.syscalls.flatMap(({ names }) => names).filter((name) => !isPlain(name));
  const may = (name: string) => name === "AF_UNIX" || listed.includes(`socket(${name})`);
  const names = Object.keys(FAMILIES);
  return {
    attempts: names.map((name) => ["socket", String(FAMILIES[name])]),
    results: names.map((name) => may(name) ? 0 : EAFNOSUPPORT),
  };
}
