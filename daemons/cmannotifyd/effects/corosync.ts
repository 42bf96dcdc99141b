/**
 * The connections to corosync's services. They come and go together: corosync's services die one after the other, and each handle is
 * dead for good then.
 */
import { Cfg } from "../../../ffi/cfg.ts";
import { Cmap, CMAP_TRACK_ADD, CMAP_TRACK_MODIFY } from "../../../ffi/cmap.ts";
import { type Connection, CorosyncError, CS_OK, type RingId } from "../../../ffi/corosync.ts";
import { Quorum } from "../../../ffi/quorum.ts";
import { EPOLLIN, type Reactor } from "../../../src/host/reactor.ts";
import type { Event } from "../machine_state.ts";
import type { ClusterFacts } from "../notification.ts";

const RELOAD_STATUS = "config.reload_status";
const RELOAD_IN_PROGRESS = "config.reload_in_progress";

/** CS_PRI_RING_ID of corosync/corotypes.h. */
function ringText({ nodeId, sequence }: RingId): string {
  return `${nodeId.toString(16)}.${sequence.toString(16)}`;
}

export class Corosync {
  readonly #open: Connection[] = [];
  #cfg: Cfg | undefined;
  #cmap: Cmap | undefined;

  /** `tell`: called for all that happens, from within dispatching. */
  constructor(private readonly reactor: Reactor, private readonly tell: (event: Event) => void) {}

  /**
   * Connects to all services and follows them; what then is to be told. Waits for corosync, which is known to answer. Throws
   * CorosyncError, and leaves nothing open then but what disconnect() closes; LibraryError where a library is missing.
   */
  connect(): Extract<Event, { type: "connected" }> {
    const cmap = this.#keep(Cmap.connect());
    this.#cmap = cmap;
    this.#followReloads(cmap);
    const cfg = this.#keep(Cfg.connect((flags) => this.tell({ type: "shutdown", flags })));
    this.#cfg = cfg;
    cfg.trackStart();
    const quorum = this.#keep(this.#connectQuorum());
    quorum.trackStart();
    for (const connection of this.#open) this.#watch(connection);
    const status = cmap.get(RELOAD_STATUS);
    const { hasProvider } = quorum;
    return {
      type: "connected",
      hasProvider,
      ...(typeof status === "number" ? { reloadStatus: status } : {}),
    };
  }

  /** Closes everything, be it alive or dead. */
  disconnect(): void {
    for (const connection of this.#open.splice(0)) {
      this.reactor.unwatch(connection.fd);
      connection.close();
    }
    this.#cfg = undefined;
    this.#cmap = undefined;
  }

  get isConnected(): boolean {
    return this.#cmap !== undefined && this.#cfg !== undefined;
  }

  /** Says yes to the shutdown that was just reported. */
  agree(): void {
    this.#cfg?.replyToShutdown(true);
  }

  /** Who is who. Throws CorosyncError. */
  facts(): ClusterFacts {
    const cmap = this.#cmap;
    if (cmap === undefined || this.#cfg === undefined) throw new Error("not connected");
    const names = new Map<number, string>();
    for (const key of cmap.keys("nodelist.node.").filter((key) => key.endsWith(".nodeid"))) {
      const id = cmap.get(key);
      const name = cmap.get(key.replace(/nodeid$/, "name"));
      if (typeof id === "number" && typeof name === "string") names.set(id, name);
    }
    const clusterName = cmap.get("totem.cluster_name");
    return {
      nodeId: this.#cfg.localNodeId(),
      clusterName: typeof clusterName === "string" ? clusterName : "",
      names,
    };
  }

  #keep<C extends Connection>(connection: C): C {
    this.#open.push(connection);
    return connection;
  }

  /** Both keys are followed: the status is written before progress goes back to 0, so nobody has to ask for it then. */
  #followReloads(cmap: Cmap): void {
    const kinds = CMAP_TRACK_ADD | CMAP_TRACK_MODIFY;
    cmap.track(RELOAD_STATUS, kinds, (_event, _key, status) => {
      if (typeof status === "number") this.tell({ type: "reloadStatus", status });
    });
    cmap.track(RELOAD_IN_PROGRESS, kinds, (_event, _key, value) => {
      if (value === 0) this.tell({ type: "reloaded" });
    });
  }

  #connectQuorum(): Quorum {
    return Quorum.connect({
      quorum: (quorate, ring, members) =>
        this.tell({ type: "quorum", quorate, ring: ringText(ring), members }),
      nodelist: (ring, members, joined, left) =>
        this.tell({ type: "nodelist", ring: ringText(ring), members, joined, left }),
    });
  }

  #watch(connection: Connection): void {
    this.reactor.watch(connection.fd, EPOLLIN, () => {
      const code = connection.dispatch();
      if (code !== CS_OK) {
        this.tell({ type: "lost", reason: new CorosyncError(code, "dispatch").message });
      }
    });
  }
}
