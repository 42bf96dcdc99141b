/** Asks, without waiting, whether corosync takes connections at all. */
import { EAGAIN } from "../../../ffi/errno.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { greetServer } from "../../../ffi/qb.ts";
import { EPOLLIN, type Reactor } from "../../../src/host/reactor.ts";
import { ANSWER_MS } from "../limits.ts";
import type { Event } from "../machine_state.ts";

type Result = Extract<Event, { type: "probed" }>["result"];

/** Any of the services would do. */
const SERVICE = "cmap";

/** Calls `done` once, from the reactor. */
export function probeCorosync(reactor: Reactor, done: (result: Result) => void): void {
  const fd = greetServer(SERVICE);
  if (fd < 0) return reactor.defer(() => done(fd === -EAGAIN ? "silent" : "refused"));
  const finish = (result: Result): void => {
    reactor.cancel(timer);
    reactor.unwatch(fd);
    closeDescriptor(fd);
    done(result);
  };
  const timer = reactor.after(ANSWER_MS, () => finish("silent"));
  reactor.watch(fd, EPOLLIN, () => finish("answered"));
}
