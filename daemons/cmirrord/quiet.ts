/** Whether the log on disk is at rest: what must be so before a node leaves, or sends a checkpoint. */
import type { Mirror } from "./mirror.ts";

/** Whether nothing is being written here. */
export function isQuiet({ disk }: Mirror): boolean {
  return disk === undefined || disk.writing === 0;
}

/**
 * Whether nothing is being written by this node, or by those that were servers before. Beside daemons of lvm2 these have also told by
 * then what they call dirty, each for itself.
 */
export function isSettled(mirror: Mirror): boolean {
  const { writers, disk, log: { recovery } } = mirror;
  return isQuiet(mirror) && (writers.size === 0 || (disk === undefined && !recovery.isMixed));
}
