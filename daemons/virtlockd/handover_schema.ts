/**
 * The schema of the state that outlives a re-exec: libvirt's own layout (virLockDaemonPreExecRestart, virNetDaemonPreExecRestart
 * and virNetServerPreExecRestart of libvirt 9.0.0) with one key of ours. Which keys are mandatory is what the C reader demands.
 */
import * as v from "valibot";
import { FRAME_MIN_BYTES, MAX_MESSAGE_DESCRIPTORS } from "../../src/wire/rpc.ts";

const UINT = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));
/** A u32 that the C daemon may have written as −1. */
const UINT_OR_MINUS_ONE = v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(0xffff_ffff));
const DESCRIPTOR = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0x7fff_ffff));
const INT = v.pipe(v.number(), v.integer());
/** A u64 that counts clients. */
const CLIENT_ID = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Times that a Date can hold, since 1970. */
const TIME_MS = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15));
const TIME_S = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e12));

/** Whether a text is base64 of at least so many bytes. */
function isBase64(text: string, leastBytes = 0): boolean {
  try {
    return atob(text).length >= leastBytes;
  } catch {
    return false;
  }
}

const BASE64 = v.pipe(v.string(), v.check((text) => isBase64(text), "expected base64"));
const FRAME = v.pipe(
  v.string(),
  v.check((text) => isBase64(text, FRAME_MIN_BYTES), "expected a frame in base64"),
);

/** What only our own successor takes. Byte strings are in base64. */
const EXTRA = v.object({
  version: v.literal(1),
  pidFile: v.optional(DESCRIPTOR),
  idleTimeoutS: v.optional(UINT),
  /** Half-done connections. */
  connections: v.array(v.object({
    fd: DESCRIPTOR,
    input: BASE64,
    output: BASE64,
    aside: v.optional(
      v.object({
        bytes: FRAME,
        skip: UINT,
        descriptors: v.pipe(
          v.number(),
          v.integer(),
          v.minValue(-1),
          v.maxValue(MAX_MESSAGE_DESCRIPTORS),
        ),
      }),
    ),
  })),
  /** Clients that made a call, by descriptor. */
  callers: v.array(DESCRIPTOR),
  /** Holders that are being ended. */
  dying: v.array(v.object({ pid: INT, elapsedMs: TIME_MS })),
  /** When each lock was granted, by descriptor. */
  since: v.array(v.tuple([DESCRIPTOR, TIME_MS])),
  /** Descriptors kept open for the sake of another lock on the same file: that lock's descriptor, then theirs. */
  parked: v.array(v.tuple([DESCRIPTOR, v.array(DESCRIPTOR)])),
  /** Names that are not UTF-8: of resources and owners by descriptor, of lockspaces by position. */
  names: v.array(v.tuple([DESCRIPTOR, BASE64])),
  directories: v.array(v.tuple([UINT, BASE64])),
});

export type Extra = v.InferOutput<typeof EXTRA>;

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
  id: v.optional(CLIENT_ID),
  auth: INT,
  auth_pending: v.optional(v.boolean()),
  readonly: v.boolean(),
  nrequests_max: UINT,
  conn_time: v.optional(TIME_S, 0),
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
  next_client_id: v.optional(CLIENT_ID, 1),
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
  daemon: v.object({
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
