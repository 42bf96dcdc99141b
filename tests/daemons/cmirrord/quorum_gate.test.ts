/** The gate of quorum, before a corosync that refuses. With real ones: tests/native/cmirrord/gate.test.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { QuorumGate } from "../../../daemons/cmirrord/effects/quorum_gate.ts";
import { CorosyncError, CS_ERR_TRY_AGAIN, type RingId } from "../../../ffi/corosync.ts";
import { Quorum, type QuorumHandlers } from "../../../ffi/quorum.ts";
import type { Reactor } from "../../../src/host/reactor.ts";

/** CS_ERR_TRY_AGAIN, without the words, which are in corosync's library. */
const refused: CorosyncError = Object.create(CorosyncError.prototype, {
  code: { value: CS_ERR_TRY_AGAIN },
});
const ring: RingId = { nodeId: 1, sequence: 1n };

/** Connections to corosync, which refuses to tell of quorum as often as this says. */
class Corosync implements Disposable {
  readonly #connect = Quorum.connect;
  readonly watched = new Set<number>();
  readonly reactor = {
    watch: (fd: number) => this.watched.add(fd),
    unwatch: (fd: number) => this.watched.delete(fd),
  } as unknown as Reactor;
  #connections = 0;

  constructor(private refusals: number) {
    Quorum.connect = (handlers) => this.#newConnection(handlers);
  }

  #newConnection(handlers: QuorumHandlers): Quorum {
    const trackStart = (): void => {
      if (this.refusals-- > 0) throw refused;
      handlers.quorum(true, ring, [1]);
    };
    const fd = 100 + this.#connections++;
    return { fd, hasProvider: true, trackStart, close: () => {} } as unknown as Quorum;
  }

  [Symbol.dispose](): void {
    Quorum.connect = this.#connect;
  }
}

Deno.test("QuorumGate asks again to be told of quorum when corosync has refused that", () => {
  using corosync = new Corosync(1);
  const gate = new QuorumGate(corosync.reactor, true, { decided: () => {}, closed: () => {} });
  assertThrows(() => gate.isOpen(), CorosyncError);
  assertEquals([gate.state, corosync.watched.size], ["unknown", 0]);
  assertEquals([gate.isOpen(), gate.state, corosync.watched.size], [true, "quorate", 1]);
});
