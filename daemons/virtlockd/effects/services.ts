/** The two services with their sockets: made anew, activated by systemd, or taken over. */
import { type ActivationError, takeActivated } from "../../../src/host/activation.ts";
import { setNonBlocking } from "../../../ffi/file.ts";
import { effectiveUserId } from "../../../ffi/process.ts";
import { listenSocket } from "../../../ffi/socket.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { bindListener } from "../../../src/host/listener.ts";
import { logger } from "../../../src/host/log.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import type { ClientLimits } from "../admin_target.ts";
import type { HandoverState, ServerState } from "../handover.ts";
import { LISTEN_BACKLOG } from "../limits.ts";
import type { Places } from "../places.ts";
import { AdminServiceClient, AdminView } from "./admin_service.ts";
import type { Daemon } from "./daemon.ts";
import { LockClient, LockService } from "./lock_service.ts";
import { Server } from "./server.ts";
import type { RunSettings } from "./settings.ts";

/** A socket cannot be made, or belongs to another daemon. */
const EXIT_SOCKETS = 6;
/** The original's: only the owner may connect. */
const SOCKET_MODE = 0o700;
const LOCK_SOCKET_NAME = "virtlockd.socket";
const ADMIN_SOCKET_NAME = "virtlockd-admin.socket";

/** The services call the daemon back, and the daemon is made of the services. */
export interface DaemonHook {
  daemon: Daemon | undefined;
}

export interface Services {
  readonly lockService: LockService;
  readonly lockServer: Server<LockClient>;
  /** Undefined where systemd or a predecessor gave us the lock socket alone. */
  adminServer: Server<AdminServiceClient> | undefined;
}

function limitsOf(state: ServerState | undefined, maxClients: number): ClientLimits {
  return {
    maxClients: state?.maxClients ?? maxClients,
    maxUnauthenticated: state?.maxAnonymousClients ?? maxClients,
  };
}

/** Makes the services without their sockets. */
export function makeServices(
  reactor: Reactor,
  settings: RunSettings,
  state: HandoverState | undefined,
  hook: DaemonHook,
): Services {
  const changed = (): void => hook.daemon?.checkIdle();
  const lockService: LockService = new LockService(reactor, {
    clients: () => lockServer.clients.values(),
    left: (client) => lockServer.remove(client),
    released: () => hook.daemon?.released(),
  });
  const lockServer: Server<LockClient> = new Server<LockClient>(reactor, {
    name: "virtlockd",
    allowedUid: effectiveUserId(),
    makeClient: (accepted) => new LockClient(lockService, reactor, accepted),
    changed,
  }, limitsOf(state?.lock, settings.maxClients));
  const services: Services = { lockService, lockServer, adminServer: undefined };
  const view = new AdminView(
    () => services.adminServer === undefined ? [lockServer] : [services.adminServer, lockServer],
    settings.log.defaultOutput,
    (seconds) => hook.daemon?.setIdleTimeout(seconds),
  );
  const adminServer = new Server<AdminServiceClient>(reactor, {
    name: "admin",
    allowedUid: effectiveUserId(),
    makeClient: (accepted) =>
      new AdminServiceClient(view, (client) => adminServer.remove(client), reactor, accepted),
    changed,
  }, limitsOf(state?.admin, settings.adminMaxClients));
  services.adminServer = adminServer;
  return services;
}

/** Gives the services their listening sockets: those from systemd, else their own. Throws ExitError. */
export function openSockets(
  services: Services,
  places: Places,
  environment: Map<string, string>,
): void {
  const activated = activatedSockets(environment);
  try {
    if (activated.size > 0) return useActivated(activated, services);
    services.lockServer.listen(bindListener(places.socket, SOCKET_MODE, LISTEN_BACKLOG), true);
    services.adminServer?.listen(
      bindListener(places.adminSocket, SOCKET_MODE, LISTEN_BACKLOG),
      true,
    );
  } catch (error) {
    if (error instanceof ExitError) throw error;
    throw new ExitError(EXIT_SOCKETS, error instanceof Error ? error.message : String(error));
  }
}

/** Descriptors that cannot be told apart are of no use: the original then makes its own sockets, too. */
function activatedSockets(environment: Map<string, string>): Map<string, number> {
  try {
    return takeActivated(environment);
  } catch (error) {
    logger("util", "systemd").error("socket activation ignored: {error}", {
      error: error as ActivationError,
    });
    return new Map();
  }
}

/** A service whose socket was not passed is not offered. */
function useActivated(activated: Map<string, number>, services: Services): void {
  const names = [LOCK_SOCKET_NAME, ADMIN_SOCKET_NAME];
  const unknown = [...activated.keys()].filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new ExitError(
      EXIT_SOCKETS,
      `internal error: Some activation file descriptors are unclaimed: ${unknown.join(", ")}`,
    );
  }
  for (const fd of activated.values()) {
    // systemd's sockets are blocking unless the unit says NonBlocking=.
    setNonBlocking(fd);
    listenSocket(fd, LISTEN_BACKLOG);
  }
  const lock = activated.get(LOCK_SOCKET_NAME);
  const admin = activated.get(ADMIN_SOCKET_NAME);
  if (lock !== undefined) services.lockServer.listen(lock, false);
  if (admin !== undefined) services.adminServer?.listen(admin, false);
  else services.adminServer = undefined;
}
