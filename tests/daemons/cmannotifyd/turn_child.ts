/** Takes a turn twice, at a place whose locks fail with an error number, and prints how often it got it at once, and what was noted. */
import { Turn } from "../../../daemons/cmannotifyd/effects/turn.ts";
import { setNoNewPrivileges } from "../../../ffi/capability.ts";
import { F_SETLK } from "../../../ffi/file.ts";
import { compileFilter, failWith, installFilter, SECCOMP_RET_ALLOW } from "../../../ffi/seccomp.ts";
import { NEWEST_KNOWN_SYSCALL, syscallNumber } from "../../../ffi/syscalls.ts";
import { Reactor } from "../../../src/host/reactor.ts";

export interface TurnOrder {
  readonly path: string;
  readonly errno: number;
}

export interface TurnAnswer {
  readonly taken: number;
  readonly notes: readonly string[];
}

/** fcntl(fd, F_SETLK, …) is the one call that is not what it was. */
function failLocks(errno: number): void {
  const verdict = SECCOMP_RET_ALLOW;
  const cases = [{ tests: [{ argument: 1, equals: F_SETLK }], verdict: failWith(errno) }];
  const table = {
    rules: [{ number: syscallNumber("fcntl") as number, cases, verdict }],
    otherwise: verdict,
    newestKnown: NEWEST_KNOWN_SYSCALL,
    newer: verdict,
  };
  setNoNewPrivileges();
  if (installFilter(compileFilter(table, Deno.build.arch)) !== 0) throw new Error("no filter");
}

if (import.meta.main) {
  const { path, errno }: TurnOrder = JSON.parse(Deno.args[0]);
  const notes: string[] = [];
  let taken = 0;
  const reactor = new Reactor();
  const turn = new Turn(reactor, path, (_level, text) => notes.push(text));
  failLocks(errno);
  for (let i = 0; i < 2; i++) {
    turn.take(() => taken++);
    turn.release();
  }
  console.log(JSON.stringify({ taken, notes } satisfies TurnAnswer));
  // The runtime has caches that it would lock before it ends.
  Deno.exit();
}
