/**
 * The schema of the state that outlives a re-exec: libvirt's own layout (virLockDaemonPreExecRestart, virNetDaemonPreExecRestart
 * and virNetServerPreExecRestart of libvirt 9.0.0) with one key of ours. Which keys are mandatory is what the C reader demands.
 */
import * as v from "valibot";

/** What only our own successor takes. Byte strings are in base64. */
const EXTRA = v.object({
  version: v.literal(1),
  pidFile: v.optional(v.number()),
  control: v.optional(v.number()),
  idleTimeoutS: v.optional(v.number()),
  /** Half-done connections. */
  connections: v.array(v.object({
    fd: v.number(),
    input: v.string(),
    output: v.string(),
    aside: v.optional(v.object({ bytes: v.string(), skip: v.number(), descriptors: v.number() })),
  })),
  /** Clients that made a call, by descriptor. */
  callers: v.array(v.number()),
  /** Holders that are being ended. */
  dying: v.array(v.object({ pid: v.number(), elapsedMs: v.number() })),
  /** When each lock was granted, by descriptor. */
  since: v.array(v.tuple([v.number(), v.number()])),
  /** Descriptors kept open for the sake of another lock on the same file: that lock's descriptor, then theirs. */
  parked: v.array(v.tuple([v.number(), v.array(v.number())])),
  /** Names that are not UTF-8: of resources and owners by descriptor, of lockspaces by position. */
  names: v.array(v.tuple([v.number(), v.string()])),
  directories: v.array(v.tuple([v.number(), v.string()])),
});

export type Extra = v.InferOutput<typeof EXTRA>;

const UINT = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));
/** A u32 that the C daemon may have written as −1. */
const UINT_OR_MINUS_ONE = v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(0xffff_ffff));
const DESCRIPTOR = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0x7fff_ffff));
const INT = v.pipe(v.number(), v.integer());

const SOCKET = v.object({
  fd: DESCRIPTOR,
  errfd: INT,
  pid: INT,
  isClient: v.boolean(),
  unlinkUNIX: v.optional(v.boolean()),
});

const SERVICE = v.object({
  auth: INT,
  readonly: v.boolean(),
  nrequests_client_max: UINT,
  socks: v.array(SOCKET),
});

/** The default of each when absent is the C reader's. */
const LOCK_PRIVATE = v.object({
  restricted: v.boolean(),
  ownerPid: UINT,
  ownerId: UINT,
  ownerName: v.string(),
  ownerUUID: v.pipe(
    v.string(),
    v.regex(/^[\s-]*([0-9A-Fa-f][\s-]*){32}$/, "expected 32 hexadecimal digits"),
  ),
});

const CLIENT_FIELDS = {
  id: v.optional(v.number()),
  auth: INT,
  auth_pending: v.optional(v.boolean()),
  readonly: v.boolean(),
  nrequests_max: UINT,
  conn_time: v.optional(v.number(), 0),
  sock: SOCKET,
};

const SERVER_FIELDS = {
  min_workers: UINT,
  max_workers: UINT,
  priority_workers: UINT,
  max_clients: UINT,
  max_anonymous_clients: v.optional(UINT),
  keepaliveInterval: UINT_OR_MINUS_ONE,
  keepaliveCount: UINT,
  next_client_id: v.optional(v.number(), 1),
  services: v.array(SERVICE),
};

const LOCK_SERVER = v.object({
  ...SERVER_FIELDS,
  clients: v.array(v.object({ ...CLIENT_FIELDS, privateData: LOCK_PRIVATE })),
});
const ADMIN_SERVER = v.object({
  ...SERVER_FIELDS,
  clients: v.array(v.object({ ...CLIENT_FIELDS, privateData: v.object({}) })),
});

const RESOURCE = v.object({
  name: v.string(),
  path: v.string(),
  fd: DESCRIPTOR,
  lockHeld: v.boolean(),
  flags: UINT,
  owners: v.array(UINT),
});

const LOCKSPACE = v.object({ directory: v.string(), resources: v.array(RESOURCE) });

export const STATE = v.object({
  magic: v.string(),
  daemon: v.strictObject({
    servers: v.strictObject({ virtlockd: LOCK_SERVER, admin: v.optional(ADMIN_SERVER) }),
  }),
  defaultLockspace: v.object({ resources: v.array(RESOURCE) }),
  lockspaces: v.array(LOCKSPACE),
  hostkeep: v.optional(EXTRA),
});

export type WireState = v.InferOutput<typeof STATE>;
export type WireServer = v.InferOutput<typeof LOCK_SERVER> | v.InferOutput<typeof ADMIN_SERVER>;
export type WireResource = v.InferOutput<typeof RESOURCE>;
export type WireSocket = v.InferOutput<typeof SOCKET>;
export type WireLockPrivate = v.InferOutput<typeof LOCK_PRIVATE>;
