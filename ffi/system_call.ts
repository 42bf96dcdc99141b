/**
 * System calls by name, for those that the C library has no function for, or none that is worth binding: the dozen calls of the
 * sandbox, each made once or twice in a process's life, share one.
 */
import { errno } from "./errno.ts";
import { libc } from "./libc.ts";
import { addressOf } from "./memory.ts";
import { commonSyscallNumber } from "./syscalls.ts";

/** A number that is not negative, or a buffer, whose address is passed. */
export type CallArgument = number | Uint8Array<ArrayBuffer>;

function register(argument: CallArgument): bigint {
  return typeof argument === "number" ? BigInt(argument) : addressOf(argument);
}

/** The call's result, or −errno. Arguments that are left out are 0. */
export function systemCall(
  name: string,
  a: CallArgument = 0,
  b: CallArgument = 0,
  c: CallArgument = 0,
  d: CallArgument = 0,
): number {
  const buffers = [a, b, c, d];
  const [first, second, third, fourth] = buffers.map(register);
  const result = libc.syscall(commonSyscallNumber(name), first, second, third, fourth, 0n);
  // The arguments are named once more, so that buffers live until here.
  return result < 0 && buffers.length > 0 ? -errno() : result;
}
