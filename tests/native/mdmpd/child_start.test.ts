/** A tester that has been started and cannot be watched. */
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import "../../bind_libc.ts";
import { Child, type ChildEvents } from "../../../daemons/mdmpd/effects/child.ts";
import { ENOSPC, Errno } from "../../../ffi/errno.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { inFolder } from "../../tasks/needs.ts";

/** Has room for so many descriptors (epoll_ctl(2): ENOSPC). */
class SmallReactor extends Reactor {
  constructor(private room: number) {
    super();
  }

  override watch(...request: Parameters<Reactor["watch"]>): void {
    if (this.room-- <= 0) throw new Errno(ENOSPC, "epoll_ctl");
    super.watch(...request);
  }
}

function never(): never {
  throw new Error("nobody was to be told of anything");
}

const events: ChildEvents = {
  answered: never,
  abandoned: never,
  idle: never,
  idleMs: never,
  expectsMore: never,
  ended: never,
};

/** Open descriptors, and this process's children, those included that have ended and were not waited for. */
function held(): [number, string] {
  const tasks = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name);
  const children = tasks.map((task) => Deno.readTextFileSync(`/proc/self/task/${task}/children`))
    .join("");
  return [[...Deno.readDirSync("/proc/self/fd")].length, children];
}

Deno.test("Child leaves neither descriptors nor a process behind where the kernel has no room to watch one", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "tester");
    await Deno.writeTextFile(path, "#!/bin/sh\nexec cat\n", { mode: 0o755 });
    const program = { path, calledAs: path, args: [], environment: new Map() };
    for (const room of [0, 1]) {
      const reactor = new SmallReactor(room);
      const before = held();
      assertThrows(() => new Child(reactor, program, events), Errno, "No space left on device");
      assertEquals(held(), before, `room for ${room}`);
      reactor.turn(0);
      reactor.close();
    }
  });
});
