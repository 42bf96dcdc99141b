/** What the machine has done for it. Effects are calls, in order, with buffers that are the machine's again when they return. */
import type { ByteString } from "../../src/wire/bytes.ts";
import type { Mirror } from "./mirror.ts";

/** Something an administrator should know; `detail` is a node, a region or an error number. */
export type Notice =
  | "badRequest"
  | "badMessage"
  | "checkpointMismatch"
  | "checkpointMerged"
  | "logReadFailed"
  | "logWriteFailed"
  | "nodeGone"
  | "daemonDied"
  | "joinRefused"
  | "clusterLost";

export interface Port {
  /** Sends a connector frame. */
  toKernel(bytes: Uint8Array<ArrayBuffer>, length: number): void;

  /** cpg_initialize(): a handle, or a negative number. */
  initialize(): number;
  /** cpg_join(), cpg_leave(), cpg_finalize(), cpg_mcast_joined() with AGREED: corosync's status. */
  join(handle: number, name: Uint8Array): number;
  leave(handle: number): number;
  finalize(handle: number): number;
  multicast(handle: number, bytes: Uint8Array<ArrayBuffer>, length: number): number;

  /** Opens the log device; logOpened() tells the outcome. */
  openLog(mirror: Mirror, device: ByteString): void;
  closeLog(mirror: Mirror): void;
  /** Reads the whole image, or writes a part of it; it stays as it is until logRead() or logWritten(). */
  readLog(mirror: Mirror, image: Uint8Array): void;
  writeLog(mirror: Mirror, image: Uint8Array, offset: number, length: number): void;

  /** Memory for a mirror's state that outlives the process (mirror_state.ts): what is there, or zeros. */
  state(identity: Uint8Array, bytes: number): Uint8Array;
  dropState(identity: Uint8Array): void;

  say(notice: Notice, mirror: Mirror | undefined, detail: number): void;
}
