/** What the recording script was told, in parts. */
import type { Told } from "./notifier.ts";

/** Corosync's log is no witness of reloads: see corosync_log.ts. */
export const isReload = ({ what, initial }: Told): boolean => what === "CONFIG_UPDATE" && !initial;

/** What was told, divided where corosync was reached anew; each part begins with the pair. */
export function parts(told: readonly Told[]): Told[][] {
  const all: Told[][] = [];
  for (const one of told) {
    if (one.initial && one.what === "CONFIG_UPDATE") all.push([]);
    all.at(-1)?.push(one);
  }
  return all;
}
