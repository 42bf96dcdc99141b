/** What `cmirrord status` shows. */
import type { Mirror, Phase } from "../mirror.ts";
import { statusOf as kernelStatusOf } from "../send.ts";
import { uuidOf } from "./notices.ts";

export interface MirrorStatus {
  readonly uuid: string;
  readonly phase: Phase;
  readonly resumed: boolean;
  readonly log: string;
  readonly regionSizeSectors: number;
  readonly regions: number;
  readonly inSync: number;
  readonly clean: number;
  readonly marks: readonly { readonly node: number; readonly regions: number }[];
  /** Marks of lives that are over. */
  readonly orphanMarks: number;
  readonly recoveries: readonly { readonly region: number; readonly node: number }[];
  readonly members: readonly number[];
  /** null while there is none. */
  readonly server: number | null;
  readonly waitingRequests: number;
  readonly waitingMessages: number;
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly sandbox: string;
  /** 0 before corosync was reached. */
  readonly node: number;
  /** quorate, inquorate, unknown; none: nobody asks for it. */
  readonly quorum: string;
  readonly mirrors: readonly MirrorStatus[];
}

function marksByNode({ log }: Mirror): Map<number, number> {
  const counts = new Map<number, number>();
  log.marks.each((_region, node) => counts.set(node, (counts.get(node) ?? 0) + 1));
  return counts;
}

function recoveriesOf({ log }: Mirror): MirrorStatus["recoveries"] {
  const { region, recoverer, held } = log.recovery;
  const current = region < 0 ? [] : [{ region, node: recoverer }];
  return [...current, ...[...held].map(([region, node]) => ({ region, node }))];
}

function mirrorStatus(mirror: Mirror): MirrorStatus {
  const { log, phase, members, lowest, working, outbox } = mirror;
  const marks = marksByNode(mirror);
  return {
    uuid: uuidOf(mirror),
    phase,
    resumed: log.resumed,
    log: kernelStatusOf(mirror).replace(/^\d+ /, ""),
    regionSizeSectors: log.construction.regionSizeSectors,
    regions: log.regionCount,
    inSync: log.sync.count,
    clean: log.clean.count,
    marks: [...marks].map(([node, regions]) => ({ node, regions })),
    orphanMarks: log.marks.orphans.count,
    recoveries: recoveriesOf(mirror),
    members: [...members],
    server: lowest === 0 ? null : lowest,
    waitingRequests: working.length,
    waitingMessages: outbox.length,
  };
}

/** A snapshot of everything. */
export function statusOf(
  mirrors: readonly Mirror[],
  about: Pick<Status, "version" | "pid" | "sandbox" | "node" | "quorum">,
): Status {
  return { ...about, mirrors: mirrors.map(mirrorStatus) };
}
