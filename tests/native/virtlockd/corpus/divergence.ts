/** How an intended difference from the C daemon is written down. */
import { describeError, type RpcError } from "../client_describe.ts";
import type { LockProcedure } from "../client_frames.ts";
import type { Outcome } from "./outcome.ts";

export interface Divergence {
  /** The heading of daemons/virtlockd/DESIGN.md under which it is argued. */
  readonly heading: string;
  /** What ours does, exactly; the parts that are not named are as with the C daemon. */
  readonly ours: Partial<Outcome>;
}

/** By the name of the sequence. */
export type Divergences = ReadonlyArray<readonly [name: string, divergence: Divergence]>;

export function under(
  heading: string,
  table: ReadonlyArray<readonly [name: string, ours: Partial<Outcome>]>,
): Divergences {
  return table.map(([name, ours]) => [name, { heading, ours }]);
}

/** The trace of a call that succeeded. */
export function ok(client: string, procedure: LockProcedure, serial: number): string {
  return `${client} ${procedure}: ${procedure} #${serial} ok`;
}

/** The trace of a call that failed. */
export function fails(
  client: string,
  procedure: LockProcedure,
  serial: number,
  error: RpcError,
): string {
  return `${client} ${procedure}: ${procedure} #${serial} ${describeError(error)}`;
}

export function busy(name: string): RpcError {
  return { code: 87, domain: 51, detail: `Lockspace resource '${name}' is locked` };
}

export function locked(file: string, access: "READ" | "WRITE"): string {
  return `${file}: POSIX ${access} 0-0 by the daemon`;
}

export const PID_FILE = locked("the pid file", "WRITE");
