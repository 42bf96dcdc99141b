/** What the admin program sees of the daemon and can change in it. */
import type { ByteString } from "../../src/wire/bytes.ts";
import type { RpcError } from "../../src/wire/rpc.ts";

export interface AdminTarget {
  /** By name ("admin", "virtlockd"), in the order in which they are listed. */
  readonly servers: ReadonlyMap<ByteString, AdminServer>;

  /** All outputs as one setting (`3:stderr`), and how many they are. */
  logOutputs(): LogSetting;
  /** All filters as one setting (`1:*locking* 3:*util* `), and how many they are. */
  logFilters(): LogSetting;
  /** "" is the default. Returns the error of a setting that was refused; nothing has then changed. */
  setLogOutputs(setting: ByteString): RpcError | undefined;
  /** "" is none. Returns the error of a setting that was refused; nothing has then changed. */
  setLogFilters(setting: ByteString): RpcError | undefined;

  /** Ends the daemon once it has been idle for so long; 0 (up to 4294967295) switches that off. */
  setIdleTimeout(seconds: number): void;
}

export interface LogSetting {
  readonly setting: ByteString;
  readonly count: number;
}

/** One listening socket with its clients. */
export interface AdminServer {
  /** In the order in which they connected. */
  readonly clients: ReadonlyMap<number, AdminClient>;
  readonly limits: ClientLimits;
  /**
   * How many threads the original would keep for urgent calls. One thread does everything here: the number is kept for
   * whoever asks for it, and for the state of a re-exec.
   */
  priorityWorkers: number;
  setLimits(limits: ClientLimits): void;
  /** Closes the connection of a client that is not the caller. */
  closeClient(id: number): void;
}

export interface ClientLimits {
  readonly maxClients: number;
  /** Clients that have yet to authenticate; nobody has to, so that this is a number and no more. */
  readonly maxUnauthenticated: number;
}

export interface AdminClient {
  readonly id: number;
  /** When it connected, in seconds since 1970. */
  readonly connectedAt: number;
  /** Whether it ever made a call whose arguments could be read. */
  madeCall: boolean;
  /** Who connected, as the kernel and the user database say. Asked for after a call only. */
  identity(): ClientIdentity;
}

export interface ClientIdentity {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Absent where the user database has none. */
  readonly userName?: ByteString;
  readonly groupName?: ByteString;
  /** The peer's SELinux context, on systems that have one. */
  readonly selinuxContext?: ByteString;
}
