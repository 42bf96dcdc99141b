/** States to hand over: the C daemon's, and any that chance can make. */
import fc from "fast-check";
import type {
  ClientState,
  HandoverState,
  LockspaceState,
  ResourceState,
  ServerState,
} from "../../../daemons/virtlockd/handover.ts";
import type { Extra } from "../../../daemons/virtlockd/handover_schema.ts";
import { fromText, toTextExactly } from "../../../src/wire/bytes.ts";

/** Any JSON value, to be taken apart. */
// deno-lint-ignore no-explicit-any
export type Json = any;

/** What the C daemon of libvirt 9.0.0 wrote, with two guests and one lockspace. */
export function libvirtState(): Json {
  const path = new URL("../../golden/virtlockd/handover/libvirt-9.0.json", import.meta.url);
  return JSON.parse(Deno.readTextFileSync(path));
}

const u32 = fc.nat(0xffff_ffff);
const anyBytes = fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 20 })
  .map((codes) => String.fromCharCode(...codes));
const utf8Text = fc.string({ unit: "binary", maxLength: 20 })
  .map((text) => fromText(text.replaceAll("\0", "")));
const base64 = fc.uint8Array({ maxLength: 60 }).map((bytes) => bytes.toBase64());
const frame = fc.uint8Array({ minLength: 28, maxLength: 60 }).map((bytes) => bytes.toBase64());
const timeMs = fc.nat(2 ** 41);
const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytes.toHex());

/** Gives out descriptors, each once: a state that names one twice is refused. */
class Descriptors {
  #next = 3;
  readonly given: number[] = [];

  take(): number {
    this.#next += 1 + this.given.length % 3;
    this.given.push(this.#next);
    return this.#next;
  }
}

// Everything but descriptors and client numbers, which must differ from each other.
type Unnumbered<T extends { fd: number }> = Omit<T, "fd" | "id">;
type LooseClient = Unnumbered<ClientState>;
interface LooseServer extends Omit<ServerState, "clients" | "listeners"> {
  readonly listeners: readonly boolean[];
  readonly clients: readonly LooseClient[];
}
interface LooseLockspace {
  readonly directory: string;
  readonly resources: readonly Unnumbered<ResourceState>[];
}

function server(client: fc.Arbitrary<LooseClient>): fc.Arbitrary<LooseServer> {
  return fc.record({
    priorityWorkers: u32,
    maxClients: u32,
    maxAnonymousClients: u32,
    nextClientId: fc.nat(1_000).map((more) => 1_000 + more),
    listeners: fc.array(fc.boolean(), { maxLength: 2 }),
    clients: fc.array(client, { maxLength: 4 }),
  });
}

const adminClient: fc.Arbitrary<LooseClient> = fc.record({
  connectedAtS: fc.nat(2 ** 32),
  restricted: fc.constant(false),
});

function lockClient(name: fc.Arbitrary<string>): fc.Arbitrary<LooseClient> {
  const owner = fc.record({ uuid, name, id: u32.map((id) => id || 1), pid: u32 });
  const registered = fc.record({ connectedAtS: timeMs, restricted: fc.boolean(), owner });
  return fc.oneof(registered, fc.record({ connectedAtS: timeMs, restricted: fc.boolean() }));
}

function lockspace(
  directory: fc.Arbitrary<string>,
  name: fc.Arbitrary<string>,
): fc.Arbitrary<LooseLockspace> {
  const resource = fc.record({ name, flags: u32, owners: fc.array(u32, { maxLength: 4 }) });
  return fc.record({
    directory,
    resources: fc.uniqueArray(resource, { maxLength: 4, selector: (one) => one.name }),
  });
}

function numberServer(loose: LooseServer, descriptors: Descriptors): ServerState {
  return {
    ...loose,
    listeners: loose.listeners.map((unlink) => ({ fd: descriptors.take(), unlink })),
    clients: loose.clients.map((client, id) => ({ id, fd: descriptors.take(), ...client })),
  };
}

interface LooseState {
  readonly pid: number;
  readonly lock: LooseServer;
  readonly admin: LooseServer | undefined;
  readonly lockspaces: readonly LooseLockspace[];
}

function numberState(loose: LooseState, descriptors: Descriptors): HandoverState {
  const lockspaces: LockspaceState[] = loose.lockspaces.map(({ directory, resources }) => ({
    directory,
    resources: resources.map((resource) => ({ ...resource, fd: descriptors.take() })),
  }));
  return {
    pid: loose.pid,
    lock: numberServer(loose.lock, descriptors),
    admin: loose.admin && numberServer(loose.admin, descriptors),
    lockspaces,
    extra: undefined,
  };
}

function looseState(name: fc.Arbitrary<string>): fc.Arbitrary<LooseState> {
  const named = lockspace(name.filter((text) => text !== ""), name);
  return fc.record({
    pid: fc.nat(2 ** 22),
    lock: server(lockClient(name)),
    admin: fc.option(server(adminClient), { nil: undefined }),
    lockspaces: fc.tuple(
      lockspace(fc.constant(""), name),
      fc.uniqueArray(named, { maxLength: 3, selector: (one) => one.directory }),
    ).map(([first, rest]) => [first, ...rest]),
  });
}

/** States that the C daemon can take, too. */
export const plainState: fc.Arbitrary<HandoverState> = looseState(utf8Text)
  .map((loose) => numberState(loose, new Descriptors()));

/** What our own successor gets besides, apart from names and descriptors. */
const looseExtra = fc.record({
  pidFile: fc.boolean(),
  idleTimeoutS: fc.option(u32, { nil: undefined }),
  halfDone: fc.array(
    fc.record({
      input: base64,
      output: base64,
      aside: fc.option(
        fc.record({ bytes: frame, skip: u32, descriptors: fc.integer({ min: -1, max: 32 }) }),
        { nil: undefined },
      ),
    }),
    { maxLength: 3 },
  ),
  dying: fc.array(fc.record({ pid: fc.nat(2 ** 22), elapsedMs: fc.nat(1e6) }), { maxLength: 3 }),
  sinceMs: timeMs,
  parked: fc.array(fc.nat(3), { maxLength: 3 }),
});

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

function isText(name: string): boolean {
  return toTextExactly(name) !== undefined;
}

/** The names of a state that JSON cannot have, as the daemon hands them over. */
function namesOf({ lock, lockspaces }: HandoverState): Pick<Extra, "names" | "directories"> {
  const named = [
    ...lockspaces.flatMap(({ resources }) => resources),
    ...lock.clients.map(({ fd, owner }) => ({ fd, name: owner?.name ?? "" })),
  ];
  return {
    names: named.filter(({ name }) => !isText(name)).map(({ fd, name }) => [fd, btoa(name)]),
    directories: lockspaces.slice(1).flatMap(({ directory }, i): [number, string][] =>
      isText(directory) ? [] : [[i, btoa(directory)]]
    ),
  };
}

/** States with everything that the daemon can hand to its like: names of any bytes, parked descriptors, half-read input. */
export const ownState: fc.Arbitrary<HandoverState> = fc.tuple(looseState(anyBytes), looseExtra)
  .map(([loose, more]) => {
    const descriptors = new Descriptors();
    const state = numberState(loose, descriptors);
    const clients = [...state.lock.clients, ...state.admin?.clients ?? []];
    const locks = state.lockspaces.flatMap(({ resources }) => resources);
    const extra: Extra = withoutUndefined({
      version: 1 as const,
      pidFile: more.pidFile ? descriptors.take() : undefined,
      idleTimeoutS: more.idleTimeoutS,
      connections: more.halfDone.slice(0, clients.length).map((connection, i) =>
        withoutUndefined({ fd: clients[i].fd, ...connection })
      ),
      callers: clients.map(({ fd }) => fd),
      dying: more.dying,
      since: locks.map(({ fd }): [number, number] => [fd, more.sinceMs]),
      parked: more.parked.slice(0, locks.length).map((count, i): [number, number[]] => [
        locks[i].fd,
        Array.from({ length: count }, () => descriptors.take()),
      ]),
      ...namesOf(state),
    }) as Extra;
    return { ...state, extra };
  });
