/** A process that has few descriptors left. */
import { systemCall } from "../../../ffi/system_call.ts";

/** sys/resource.h */
const RLIMIT_NOFILE = 7;
/** Of the next numbers, so many can be had. */
const MARGIN = 40n;

export function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Does something while this process may open no more than so many files. */
export function withDescriptors<T>(free: number, body: () => T): T {
  const limits = new BigUint64Array(2);
  const bytes = new Uint8Array(limits.buffer);
  systemCall("prlimit64", 0, RLIMIT_NOFILE, 0, bytes);
  const low = BigUint64Array.of(BigInt(descriptors()) + MARGIN, limits[1]);
  const files: Deno.FsFile[] = [];
  try {
    systemCall("prlimit64", 0, RLIMIT_NOFILE, new Uint8Array(low.buffer), 0);
    for (let file = open(); file !== undefined; file = open()) files.push(file);
    for (let i = 0; i < free; i++) files.pop()?.close();
    return body();
  } finally {
    systemCall("prlimit64", 0, RLIMIT_NOFILE, bytes, 0);
    for (const file of files) file.close();
  }
}

function open(): Deno.FsFile | undefined {
  try {
    return Deno.openSync("/dev/null");
  } catch {
    return undefined;
  }
}
