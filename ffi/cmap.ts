/** libcmap (corosync/cmap.h): corosync's table of keys and values, and following changes of it. */
import { layout } from "../src/wire/layout.ts";
import {
  callbackAddress,
  checkCorosync,
  Connection,
  CS_ERR_NO_SECTIONS,
  CS_ERR_NOT_EXIST,
  once,
  openHandle,
  type ServiceCalls,
} from "./corosync.ts";
import { cString, readBytes, readCString } from "./memory.ts";
import { openLibrary } from "./open.ts";

export const CMAP_TRACK_DELETE = 1;
export const CMAP_TRACK_MODIFY = 2;
export const CMAP_TRACK_ADD = 4;
export const CMAP_TRACK_PREFIX = 8;
const CMAP_KEYNAME_MAXLEN = 255;
const CMAP_VALUETYPE_INT8 = 1;
const CMAP_VALUETYPE_UINT8 = 2;
const CMAP_VALUETYPE_INT16 = 3;
const CMAP_VALUETYPE_UINT16 = 4;
const CMAP_VALUETYPE_INT32 = 5;
const CMAP_VALUETYPE_UINT32 = 6;
const CMAP_VALUETYPE_INT64 = 7;
const CMAP_VALUETYPE_UINT64 = 8;
const CMAP_VALUETYPE_FLOAT = 9;
const CMAP_VALUETYPE_DOUBLE = 10;
const CMAP_VALUETYPE_STRING = 11;
const CMAP_VALUETYPE_BINARY = 12;

const NOTIFY_VALUE = layout("struct cmap_notify_value", { type: "u32", len: "u64", data: "u64" });

export const CONSTANTS = {
  CMAP_KEYNAME_MAXLEN,
  CMAP_VALUETYPE_INT8,
  CMAP_VALUETYPE_UINT8,
  CMAP_VALUETYPE_INT16,
  CMAP_VALUETYPE_UINT16,
  CMAP_VALUETYPE_INT32,
  CMAP_VALUETYPE_UINT32,
  CMAP_VALUETYPE_INT64,
  CMAP_VALUETYPE_UINT64,
  CMAP_VALUETYPE_FLOAT,
  CMAP_VALUETYPE_DOUBLE,
  CMAP_VALUETYPE_STRING,
  CMAP_VALUETYPE_BINARY,
};
export const STRUCTS = [NOTIFY_VALUE];

const cmap = openLibrary("libcmap.so.4", {
  // cs_error_t cmap_initialize(cmap_handle_t *)
  cmap_initialize: { parameters: ["buffer"], result: "i32" },
  // cs_error_t cmap_fd_get(cmap_handle_t, int *fd)
  cmap_fd_get: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t cmap_dispatch(cmap_handle_t, cs_dispatch_flags_t)
  cmap_dispatch: { parameters: ["u64", "u32"], result: "i32" },
  // cs_error_t cmap_finalize(cmap_handle_t)
  cmap_finalize: { parameters: ["u64"], result: "i32" },
  // cs_error_t cmap_get(cmap_handle_t, const char *key_name, void *value, size_t *value_len, cmap_value_types_t *type)
  cmap_get: { parameters: ["u64", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  // cs_error_t cmap_set(cmap_handle_t, const char *key_name, const void *value, size_t value_len, cmap_value_types_t type)
  cmap_set: { parameters: ["u64", "buffer", "buffer", "usize", "u32"], result: "i32" },
  // cs_error_t cmap_delete(cmap_handle_t, const char *key_name)
  cmap_delete: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t cmap_iter_init(cmap_handle_t, const char *prefix, cmap_iter_handle_t *)
  cmap_iter_init: { parameters: ["u64", "buffer", "buffer"], result: "i32" },
  // cs_error_t cmap_iter_next(cmap_handle_t, cmap_iter_handle_t, char key_name[], size_t *value_len, cmap_value_types_t *type)
  cmap_iter_next: { parameters: ["u64", "u64", "buffer", "buffer", "buffer"], result: "i32" },
  // cs_error_t cmap_iter_finalize(cmap_handle_t, cmap_iter_handle_t)
  cmap_iter_finalize: { parameters: ["u64", "u64"], result: "i32" },
  // cs_error_t cmap_track_add(cmap_handle_t, const char *key_name, int32_t track_type, cmap_notify_fn_t, void *user_data,
  //                           cmap_track_handle_t *)
  cmap_track_add: {
    parameters: ["u64", "buffer", "i32", "usize", "usize", "buffer"],
    result: "i32",
  },
});

const CALLS: ServiceCalls = {
  service: "cmap",
  fdGet: (handle, fd) => cmap.cmap_fd_get(handle, fd),
  dispatch: (handle, how) => cmap.cmap_dispatch(handle, how),
  finalize: (handle) => cmap.cmap_finalize(handle),
};

/** Numbers of up to 64 bits, texts, or the bytes of a binary value. */
export type CmapValue = number | bigint | string | Uint8Array<ArrayBuffer>;

/** Little-endian on both of our architectures. Undefined for a value whose bytes do not fit its type. */
export function decodeCmapValue(
  type: number,
  bytes: Uint8Array<ArrayBuffer>,
): CmapValue | undefined {
  const read = READERS[type];
  if (read === undefined || bytes.length < read[0]) return undefined;
  return read[1](new DataView(bytes.buffer, bytes.byteOffset, bytes.length), bytes);
}

type Reader = (view: DataView, bytes: Uint8Array<ArrayBuffer>) => CmapValue;

/** The NUL counts in the length of a text. */
function readText(_view: DataView, bytes: Uint8Array<ArrayBuffer>): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
}

/** Bytes needed and reader, by type. */
const READERS: Readonly<Record<number, readonly [number, Reader] | undefined>> = {
  [CMAP_VALUETYPE_INT8]: [1, (view) => view.getInt8(0)],
  [CMAP_VALUETYPE_UINT8]: [1, (view) => view.getUint8(0)],
  [CMAP_VALUETYPE_INT16]: [2, (view) => view.getInt16(0, true)],
  [CMAP_VALUETYPE_UINT16]: [2, (view) => view.getUint16(0, true)],
  [CMAP_VALUETYPE_INT32]: [4, (view) => view.getInt32(0, true)],
  [CMAP_VALUETYPE_UINT32]: [4, (view) => view.getUint32(0, true)],
  [CMAP_VALUETYPE_INT64]: [8, (view) => view.getBigInt64(0, true)],
  [CMAP_VALUETYPE_UINT64]: [8, (view) => view.getBigUint64(0, true)],
  [CMAP_VALUETYPE_FLOAT]: [4, (view) => view.getFloat32(0, true)],
  [CMAP_VALUETYPE_DOUBLE]: [8, (view) => view.getFloat64(0, true)],
  [CMAP_VALUETYPE_STRING]: [0, readText],
  [CMAP_VALUETYPE_BINARY]: [0, (_view, bytes) => bytes.slice()],
};

/** What became of a followed key: one of CMAP_TRACK_ADD, MODIFY and DELETE, and its value unless it is gone. */
export type CmapHandler = (event: number, key: string, value: CmapValue | undefined) => void;

/** By the number that travels through C as the user's data. */
const handlers = new Map<bigint, CmapHandler>();
let nextHandler = 1n;

/** By value: on aarch64 it is passed by reference, so it has to be declared as what it is. */
const VALUE = { struct: ["i32", "usize", "usize"] } as const;

function valueOf(record: Uint8Array<ArrayBuffer>): CmapValue | undefined {
  const view = new DataView(record.buffer, record.byteOffset);
  const length = Number(view.getBigUint64(NOTIFY_VALUE.at.len, true));
  if (length === 0) return undefined;
  const bytes = readBytes(view.getBigUint64(NOTIFY_VALUE.at.data, true), length);
  return decodeCmapValue(view.getUint32(NOTIFY_VALUE.at.type, true), bytes);
}

const notifyFn = once(() =>
  callbackAddress(
    // void (*)(cmap_handle_t, cmap_track_handle_t, int32_t event, const char *key_name, struct cmap_notify_value new_value,
    //          struct cmap_notify_value old_value, void *user_data)
    { parameters: ["u64", "u64", "i32", "usize", VALUE, VALUE, "usize"], result: "void" },
    (_handle, _track, event, key, now, _before, user) =>
      handlers.get(user)?.(event, readCString(key), valueOf(now)),
  )
);

/** Values are configuration: texts of some hundred bytes. */
const VALUE_MAX_BYTES = 4_096;
/** Where get() has values put: one at a time, and copied at once. */
const got = {
  value: new Uint8Array(VALUE_MAX_BYTES),
  length: new BigUint64Array(1),
  type: new Uint32Array(1),
};

/** A connection to corosync's configuration map. */
export class Cmap extends Connection {
  readonly #handlers: bigint[] = [];

  /** Throws CorosyncError. */
  static connect(): Cmap {
    return new Cmap(CALLS, openHandle("cmap_initialize", (out) => cmap.cmap_initialize(out)));
  }

  /** A key's value, or undefined where there is no such key. Throws CorosyncError. */
  get(key: string): CmapValue | undefined {
    const { value, length, type } = got;
    length[0] = BigInt(VALUE_MAX_BYTES);
    const code = cmap.cmap_get(
      this.handle,
      cString(key),
      value,
      new Uint8Array(length.buffer),
      new Uint8Array(type.buffer),
    );
    if (code === CS_ERR_NOT_EXIST) return undefined;
    checkCorosync(code, `cmap_get "${key}"`);
    return decodeCmapValue(type[0], value.subarray(0, Number(length[0])));
  }

  /** Sets a key to an unsigned number of 8 or 32 bits. Throws CorosyncError (CS_ERR_ACCESS: read-only). */
  setUnsigned(key: string, value: number, bits: 8 | 32): void {
    const type = bits === 8 ? CMAP_VALUETYPE_UINT8 : CMAP_VALUETYPE_UINT32;
    const bytes = new Uint8Array(new Uint32Array([value]).buffer);
    const code = cmap.cmap_set(this.handle, cString(key), bytes, BigInt(bits / 8), type);
    checkCorosync(code, `cmap_set "${key}"`);
  }

  /** Throws CorosyncError. */
  delete(key: string): void {
    checkCorosync(cmap.cmap_delete(this.handle, cString(key)), `cmap_delete "${key}"`);
  }

  /** The names of all keys that begin so. Throws CorosyncError. */
  keys(prefix: string): string[] {
    const iterator = new BigUint64Array(1);
    const code = cmap.cmap_iter_init(
      this.handle,
      cString(prefix),
      new Uint8Array(iterator.buffer),
    );
    checkCorosync(code, "cmap_iter_init");
    try {
      return this.#namesFrom(iterator[0]);
    } finally {
      cmap.cmap_iter_finalize(this.handle, iterator[0]);
    }
  }

  #namesFrom(iterator: bigint): string[] {
    const name = new Uint8Array(CMAP_KEYNAME_MAXLEN + 1);
    const length = new Uint8Array(8);
    const type = new Uint8Array(4);
    const names: string[] = [];
    for (;;) {
      const code = cmap.cmap_iter_next(this.handle, iterator, name, length, type);
      if (code === CS_ERR_NO_SECTIONS) return names;
      checkCorosync(code, "cmap_iter_next");
      names.push(new TextDecoder().decode(name.subarray(0, name.indexOf(0))));
    }
  }

  /**
   * Follows a key, which need not exist yet, or, with CMAP_TRACK_PREFIX, all keys that begin so. `kinds`: CMAP_TRACK_… bits.
   * Setting a key to the value it has tells nobody. Throws CorosyncError.
   */
  track(key: string, kinds: number, handler: CmapHandler): void {
    const user = nextHandler++;
    const track = new Uint8Array(8);
    const code = cmap.cmap_track_add(this.handle, cString(key), kinds, notifyFn(), user, track);
    checkCorosync(code, `cmap_track_add "${key}"`);
    handlers.set(user, handler);
    this.#handlers.push(user);
  }

  override close(): void {
    super.close();
    for (const user of this.#handlers) handlers.delete(user);
  }
}

/** Loads the library and makes the callbacks, while files can still be opened and code be made. Throws LibraryError. */
export function loadCmap(): void {
  void cmap.cmap_fd_get;
  notifyFn();
}
