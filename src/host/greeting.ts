/** Asks, without waiting, whether a server of libqb, such as corosync, takes connections at all. */
import { EAGAIN } from "../../ffi/errno.ts";
import { closeDescriptor } from "../../ffi/file.ts";
import { greetServer } from "../../ffi/qb.ts";
import { EPOLLIN, type Reactor } from "./reactor.ts";

/** silent: it is there, and does not answer. refused: nobody listens. */
export type Greeting = "answered" | "silent" | "refused";

/** `name`: of the server, such as `cmap`. Calls `done` once, from the reactor, after `patienceMs` at the latest. */
export function greet(
  reactor: Reactor,
  name: string,
  patienceMs: number,
  done: (greeting: Greeting) => void,
): void {
  const fd = greetServer(name);
  if (fd < 0) return reactor.defer(() => done(fd === -EAGAIN ? "silent" : "refused"));
  const finish = (greeting: Greeting): void => {
    reactor.cancel(timer);
    reactor.unwatch(fd);
    closeDescriptor(fd);
    done(greeting);
  };
  const timer = reactor.after(patienceMs, () => finish("silent"));
  reactor.watch(fd, EPOLLIN, () => finish("answered"));
}
