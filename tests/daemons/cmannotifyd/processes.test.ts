import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import {
  countLiving,
  processStat,
  signalSession,
} from "../../../daemons/cmannotifyd/effects/processes.ts";
import { closeDescriptor, O_CLOEXEC, O_RDONLY, openFile } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { sendSignal, spawn, waitForChild } from "../../../ffi/process.ts";
import { SIGKILL, SIGTERM } from "../../../ffi/signal.ts";
import { systemCall } from "../../../ffi/system_call.ts";

/** sys/resource.h */
const RLIMIT_NOFILE = 7;

/** Does something while this process may open no file, as when the whole system may open none. */
function withoutDescriptors<T>(body: () => T): T {
  const limits = new BigUint64Array(2);
  const bytes = new Uint8Array(limits.buffer);
  const nothing = openFile(cString("/dev/null"), O_RDONLY | O_CLOEXEC, 0);
  closeDescriptor(nothing);
  systemCall("prlimit64", 0, RLIMIT_NOFILE, 0, bytes);
  // The numbers below are all taken.
  const none = new Uint8Array(BigUint64Array.of(BigInt(nothing), limits[1]).buffer);
  try {
    systemCall("prlimit64", 0, RLIMIT_NOFILE, none, 0);
    return body();
  } finally {
    systemCall("prlimit64", 0, RLIMIT_NOFILE, bytes, 0);
  }
}

Deno.test("where /proc cannot be read a session has nobody but its first group, which is signalled all the same", () => {
  const path = "/bin/sleep";
  const request = { path, argv: [path, "1000"], environment: new Map(), descriptors: [] };
  const leader = spawn({ ...request, newSession: true });
  try {
    assertEquals([countLiving(leader), processStat(leader)?.session], [1, leader]);
    withoutDescriptors(() => {
      assertEquals([countLiving(leader), processStat(leader)], [0, undefined]);
      signalSession(leader, SIGTERM);
    });
  } finally {
    sendSignal(leader, SIGKILL);
    assertEquals(waitForChild(leader), { pid: leader, status: SIGTERM });
  }
});
