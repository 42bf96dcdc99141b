/** The counters of the lock service, for the control socket. */
import { Metrics } from "../../../src/host/metrics.ts";
import { PROCEDURE_NAMES } from "../machine.ts";
import type { Daemon } from "./daemon.ts";
import type { LockService } from "./lock_service.ts";
import type { ServedClient, Server } from "./server.ts";

/** Values are read when somebody asks: nothing is added to the path of a call but what the service counts itself. */
export function lockMetrics(
  service: LockService,
  servers: readonly Server<ServedClient>[],
  daemon: Daemon,
): Metrics {
  const metrics = new Metrics("virtlockd");
  const { table } = service.machine;
  metrics.gauge("locks", { help: "Resources that are locked" }, () => table.size);
  metrics.gauge(
    "lockspaces",
    { help: "Lockspaces beside the default one" },
    () => table.named.size,
  );
  metrics.gauge(
    "dying_holders",
    { help: "Holders that lost their connection and are being ended" },
    () => service.holders.count,
  );
  for (const server of servers) {
    metrics.gauge(
      `clients_${server.name}`,
      { help: `Connections of the ${server.name} server` },
      () => server.clients.size,
    );
  }
  PROCEDURE_NAMES.forEach((name, procedure) => {
    const help = procedure === 0 ? "Calls of unknown procedures" : `Calls of ${name}`;
    metrics.gauge(`calls_${name.toLowerCase()}`, { help }, () => service.calls[procedure]);
  });
  metrics.gauge("error_replies", { help: "Calls answered with an error" }, () => service.errors);
  metrics.gauge(
    "refused_reexecs",
    { help: "SIGUSR1 that did not lead to a re-exec" },
    () => daemon.refusedReexecs,
  );
  return metrics;
}
