/** Where the daemon of a sequence runs: as the system's, or as that of one user's session. */
import { Client, type Connection } from "../client.ts";
import { ClientProcess } from "../client_process.ts";
import { Lab } from "../lab.ts";
import { ADMIN_SOCKET, type Daemon, LOCK_SOCKET, PID_FILE } from "../lab_daemon.ts";
import type { Sequence } from "./script.ts";

export interface Site extends AsyncDisposable {
  readonly lab: Lab;
  readonly daemon: Daemon;
  readonly sockets: { readonly lock: string; readonly admin: string };
  readonly pidFile: string;
  /** The process beside the test process that connects for it, if there has to be one. */
  readonly connector: ClientProcess | undefined;
  connect(name: string, path: string): Promise<Connection>;
}

/** Who runs a session daemon. */
export const SESSION_UID = 65534;

/** Starts the daemon of a sequence in a lab of its own. */
export function openSite(sequence: Sequence, binary: string): Promise<Site> {
  return sequence.session ? openSession(binary) : openSystem(sequence, binary);
}

/**
 * What is closed while the daemon stands still has to be closed when it goes on. A child that the test process starts meanwhile holds
 * a copy of its sockets until its exec is through; a connector starts none.
 */
function needsConnector({ steps }: Sequence): boolean {
  return steps.some(({ kind }) => kind === "freeze");
}

async function openSystem(sequence: Sequence, binary: string): Promise<Site> {
  const { config, daemon = {} } = sequence;
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  const args = config === undefined ? [] : ["-f", "/run/virtlockd.conf"];
  if (config !== undefined) await lab.write("/run/virtlockd.conf", config);
  const started = await lab.start(binary, { ...daemon, args: [...args, ...daemon.args ?? []] });
  const connector = needsConnector(sequence)
    ? stack.use(await ClientProcess.start(lab))
    : undefined;
  return {
    lab,
    daemon: started,
    sockets: { lock: LOCK_SOCKET, admin: ADMIN_SOCKET },
    pidFile: PID_FILE,
    connector,
    connect: (name, path) => connector?.connect(name, path) ?? Client.connect(lab.outside(path)),
    ...disposal(stack),
  };
}

/** The test process is root, whom a session daemon refuses: a process of the user connects. */
async function openSession(binary: string): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  const env = await lab.session(SESSION_UID);
  const folder = `${env.XDG_RUNTIME_DIR}/libvirt`;
  const sockets = { lock: `${folder}/virtlockd-sock`, admin: `${folder}/virtlockd-admin-sock` };
  const program = await lab.expose(binary);
  const options = { uid: SESSION_UID, env, socket: sockets.lock };
  const daemon = await lab.start(program, options);
  const connector = stack.use(await ClientProcess.start(lab, { uid: SESSION_UID }));
  return {
    lab,
    daemon,
    sockets,
    pidFile: `${folder}/virtlockd.pid`,
    connector,
    connect: (name, path) => connector.connect(name, path),
    ...disposal(stack),
  };
}

function disposal(stack: AsyncDisposableStack): AsyncDisposable {
  const kept = stack.move();
  return { [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
