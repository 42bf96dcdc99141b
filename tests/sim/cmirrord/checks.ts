/** What must hold after every step of a cluster. */
import type { MirrorLog } from "../../../daemons/cmirrord/log.ts";
import type { Legs } from "./legs.ts";
import type { Node } from "./node.ts";

/** All members that have heard everything say the same of every region. */
export function checkAgreement(nodes: readonly Node[]): void {
  const current = nodes.filter((node) => node.isCurrent);
  // Beside daemons of lvm2 not even those agree with each other (D5).
  if (nodes.some(({ original }) => original)) return;
  for (const node of current.slice(1)) {
    if (agree(logOf(current[0]), logOf(node))) continue;
    const [one, other] = [current[0], node].map((at) => `${at.nodeid}: ${stateOf(logOf(at))}`);
    throw new Error(`nodes disagree:\n${one}\n${other}`);
  }
}

function logOf(node: Node): MirrorLog {
  const log = node.daemon?.mirror?.log;
  if (log === undefined) throw new Error(`node ${node.nodeid} has no mirror`);
  return log;
}

/** All that the members must have in common. */
function agree(one: MirrorLog, other: MirrorLog): boolean {
  const [a, b] = [one.recovery, other.recovery];
  return same(one.sync.words, other.sync.words) && same(one.clean.words, other.clean.words) &&
    a.region === b.region && (a.region < 0 || a.recoverer === b.recoverer) &&
    a.search === b.search && same(a.priority, b.priority) &&
    same([...a.broken].sort(), [...b.broken].sort()) && same(pairs(one), pairs(other)) &&
    same(one.marks.orphans.words, other.marks.orphans.words);
}

function same<T>(one: ArrayLike<T>, other: ArrayLike<T>): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

function pairs({ marks }: MirrorLog): string[] {
  const list: string[] = [];
  if (marks.size > 0) marks.each((region, by) => list.push(`${region}:${by}`));
  return list.sort();
}

function stateOf(log: MirrorLog): string {
  const { sync, clean, recovery } = log;
  const { region, search, priority, recoverer, broken } = recovery;
  return `sync ${sync.bytes.toHex()} clean ${clean.bytes.toHex()} marks ${pairs(log).join(" ")}` +
    ` recovery ${region} by ${recoverer} search ${search} urgent ${priority.join(" ")}` +
    ` broken ${[...broken].join(" ")}`;
}

/** What is excused, and why. */
export interface Excuses {
  /** Regions of which no log can know. */
  readonly isUnheard: (region: number) => boolean;
  /** Regions in sync that are known to be suspect, and are to be recovered again. */
  readonly isSuspect: (region: number, node: Node) => boolean;
  /** Regions that are not written as dirty yet, as the group has just heard of them. */
  readonly isOnItsWay: (region: number) => boolean;
  /** Bits on the log device that a daemon of lvm2 has made wrong. */
  readonly isOfOriginal: (region: number) => boolean;
  /** Bits in a replica of ours that came from such a daemon. */
  readonly isMisled: (region: number, node: Node) => boolean;
}

/** No region is clean, or in sync, that is not. */
export function checkRegions(
  nodes: readonly Node[],
  legs: Legs,
  onDisk: boolean,
  { isUnheard, isSuspect, isOnItsWay, isOfOriginal, isMisled }: Excuses,
): void {
  const current = nodes.filter((node) => node.isCurrent);
  for (let region = 0; region < legs.regions; region++) {
    const [busy, equal] = [legs.isBusy(region), legs.areEqual(region)];
    if ((!busy && equal) || isUnheard(region)) continue;
    const what = `busy: ${busy}, legs equal: ${equal}`;
    const isCleanOnDisk = onDisk && legs.logExists && legs.isCleanOnDisk(region);
    if (isCleanOnDisk && !isOnItsWay(region) && !isOfOriginal(region)) {
      throw new Error(`region ${region} is clean on disk, ${what}`);
    }
    for (const node of current) {
      const problem = node.original
        ? undefined
        : replicaProblem(node, legs, region, what, isSuspect(region, node));
      if (problem !== undefined && !isMisled(region, node)) throw new Error(problem);
    }
  }
}

function replicaProblem(
  node: Node,
  legs: Legs,
  region: number,
  what: string,
  isSuspect: boolean,
): string | undefined {
  const { sync, clean } = logOf(node);
  if (clean.has(region)) return `region ${region} is clean at node ${node.nodeid}, ${what}`;
  const differs = sync.has(region) && !isSuspect && !legs.areEqualAtRest(region);
  return differs
    ? `region ${region} is in sync at node ${node.nodeid}, its legs differ`
    : undefined;
}
