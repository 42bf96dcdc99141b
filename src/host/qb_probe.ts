/** Asks, without waiting, whether a server of libqb, such as corosync, takes connections at all. */
import { EAGAIN, EMFILE, ENFILE } from "../../ffi/errno.ts";
import { closeDescriptor } from "../../ffi/file.ts";
import { probeServer } from "../../ffi/qb.ts";
import { EPOLLIN, type Reactor } from "./reactor.ts";

/** silent: it does not answer, or cannot be asked now. refused: nobody listens. */
export type ProbeResult = "answered" | "silent" | "refused";

/** It takes no more connections, or we can make none: what says nothing of whether it is there. */
const WANTS: ReadonlySet<number> = new Set([EAGAIN, EMFILE, ENFILE]);

/** `name`: of the server, such as `cmap`. Calls `done` once, from the reactor, after `patienceMs` at the latest. */
export function probe(
  reactor: Reactor,
  name: string,
  patienceMs: number,
  done: (result: ProbeResult) => void,
): void {
  const fd = probeServer(name);
  if (fd < 0) return reactor.defer(() => done(WANTS.has(-fd) ? "silent" : "refused"));
  const finish = (result: ProbeResult): void => {
    reactor.cancel(timer);
    reactor.unwatch(fd);
    closeDescriptor(fd);
    done(result);
  };
  const timer = reactor.after(patienceMs, () => finish("silent"));
  reactor.watch(fd, EPOLLIN, () => finish("answered"));
}
