/** What `dmfilemapd status` shows of one daemon. */
import { toText } from "../../../src/wire/bytes.ts";
import { aliasName } from "../group_tag.ts";
import { aboutCounters, type CountersStatus } from "../counters_status.ts";
import type { FollowArguments } from "../arguments.ts";
import type { Daemon, DaemonParts } from "./daemon.ts";
import { deviceName } from "./device.ts";

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly sandbox: string;
  readonly path: string;
  readonly mode: "inode" | "path";
  readonly device: string;
  readonly inode: number;
  readonly unlinked: boolean;
  readonly group: number;
  readonly alias: string;
  readonly program: string;
  readonly extents: number;
  readonly regions: number;
  /** Regions beyond one for each extent. */
  readonly seams: number;
  /** Why not all extents are mapped. */
  readonly shortage: string | null;
  /** Counts of regions that were merged into others, which dmstats does not show. */
  readonly carried: CountersStatus | null;
  readonly updates: number;
  readonly lastUpdateMs: number | null;
  /** What can wake the daemon now. */
  readonly waits: readonly string[];
}

export interface About {
  readonly version: string;
  readonly pid: number;
  readonly sandbox: string;
}

export function statusOf(
  daemon: Daemon,
  { group, file, updater, metrics }: DaemonParts,
  follow: FollowArguments,
  about: About,
): Status {
  const { alias, program } = group.style;
  const { carried } = group;
  return {
    ...about,
    path: follow.path,
    mode: follow.mode,
    device: deviceName(file.identity.device),
    inode: file.identity.inode,
    unlinked: daemon.isUnlinked,
    group: group.id,
    alias: toText(aliasName({ alias })),
    program: toText(program),
    extents: updater.extents,
    regions: group.members.length,
    seams: updater.seams,
    shortage: updater.shortage ?? null,
    carried: carried === undefined ? null : aboutCounters(carried),
    updates: metrics.updates.value,
    lastUpdateMs: metrics.lastMs ?? null,
    waits: daemon.waits,
  };
}
