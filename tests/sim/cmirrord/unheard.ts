/**
 * Kernels that nobody knows of. A node's daemon is killed, its kernel goes on, and all others leave; then a node resumes as the first
 * member of a new group. No log tells it of the kernel that still writes what it had marked, and copies what it was recovering. What
 * that kernel does there is excused until its daemon has joined, and told the group; what its node's death leaves half done before
 * that, until it was recovered. It is the same the other way round where the log is in memory: what the new group was writing when its
 * last node died that kernel's daemon cannot know, nor one of a mirror that was suspended all the while. And if it comes back as a first
 * member, when that group's daemons are away, it does not know what they have copied under its kernel's writes: such a region may be in
 * sync for it, but not clean, until it is recovered again.
 */
import type { Legs } from "./legs.ts";
import type { Node } from "./node.ts";

/** A node that is not heard. */
interface Stranger {
  /** Where it was at work since, and how often each of these regions had been recovered when it was first seen there. */
  readonly regions: Map<number, number>;
  /** Members of the groups that did not know of it. */
  readonly groups: Set<number>;
}

export class Unheard {
  /** Nodes that are not heard. */
  readonly #nodes = new Map<Node, Stranger>();
  /** Nodes that were heard: the same, and how often the log had been written then, which is written anew when all have heard. */
  readonly #heard = new Map<Node, { readonly writes: number; readonly regions: Set<number> }>();
  /** Regions that a node which has died unheard was writing. */
  readonly #lost = new Map<number, number>();
  /** Regions that were copied under the writes of such a node, by a group that it has not met since. */
  readonly #copied = new Map<number, number>();

  /** `onDisk`: where the log is. */
  constructor(
    private readonly nodes: readonly Node[],
    private readonly legs: Legs,
    private readonly onDisk: boolean,
  ) {}

  /** Looks who is known to whom. */
  look(): void {
    for (const node of this.nodes) {
      if (node.isCurrent) node.isCutOff = false;
      if (node.isCurrent) this.#hear(node);
      else if (!node.isLive) this.#lose(node, this.#nodes.get(node)?.regions.keys() ?? []);
      else this.#meet(node);
    }
    for (const [node, { regions }] of this.#nodes) {
      for (const region of this.#regionsOf(node)) {
        if (!regions.has(region)) regions.set(region, this.legs.copies(region));
      }
    }
  }

  #meet(node: Node): void {
    for (const { nodeid } of this.#strangersTo(node)) {
      const stranger = this.#nodes.get(node) ?? { regions: new Map(), groups: new Set() };
      stranger.groups.add(nodeid);
      this.#nodes.set(node, stranger);
    }
  }

  #hear(node: Node): void {
    const stranger = this.#nodes.get(node);
    if (stranger === undefined) return;
    this.#nodes.delete(node);
    const { regions } = stranger;
    this.#heard.set(node, { writes: this.legs.logWrites, regions: new Set(regions.keys()) });
    if (this.onDisk || hasJoined(node, stranger)) return;
    for (const [region, copies] of regions) {
      const now = this.legs.copies(region);
      if (now > copies) this.#copied.set(region, now);
    }
  }

  /** Where the node's kernel is at work. */
  #regionsOf({ target }: Node): number[] {
    const regions: number[] = [];
    for (let region = 0; region < this.legs.regions; region++) {
      if (target?.isAt(region)) regions.push(region);
    }
    return regions;
  }

  /** Members of a group that does not know of the node. */
  #strangersTo({ nodeid }: Node): Node[] {
    return this.nodes.filter((member) =>
      member.isCurrent && !member.original &&
      !member.daemon?.mirror?.log.recovery.known.has(nodeid)
    );
  }

  /** Whether a node's kernel goes on without the group's knowing: it is a stranger, or cut off, so that its node is taken for lost. */
  isUnheard(nodeid: number): boolean {
    for (const node of this.#nodes.keys()) if (node.nodeid === nodeid) return true;
    return this.nodes.some((node) => node.nodeid === nodeid && node.isCutOff);
  }

  has(region: number): boolean {
    for (const { regions } of this.#nodes.values()) if (regions.has(region)) return true;
    const copies = this.#lost.get(region);
    return copies !== undefined && copies === this.legs.copies(region);
  }

  /** Whether a region of which the node knows that it is suspect may be in sync for it though its legs differ. */
  isSuspect(region: number, { daemon }: Node): boolean {
    return this.#copied.get(region) === this.legs.copies(region) &&
      daemon?.mirror?.log.marks.orphans.has(region) === true;
  }

  /** The same of the log device. */
  hasOnDisk(region: number): boolean {
    for (const [{ target }, { writes, regions }] of this.#heard) {
      if (this.legs.logWrites > writes + 1) continue;
      if (regions.has(region) || target?.isAt(region)) return true;
    }
    return false;
  }

  /** The node is about to die. */
  crash(node: Node): void {
    const isLast = !this.nodes.some((other) => other !== node && other.isCurrent);
    const regions = this.#nodes.get(node)?.regions.keys();
    const isForgotten = !this.onDisk && isLast && (this.#nodes.size > 0 || this.#hasStranger(node));
    if (regions === undefined && !isForgotten) return;
    this.#lose(node, [...regions ?? [], ...this.#regionsOf(node)]);
  }

  /** Whether another node has a table, be it suspended, and no group of this one's has heard of it. */
  #hasStranger(node: Node): boolean {
    const known = node.daemon?.mirror?.log.recovery.known;
    return this.nodes.some((other) =>
      other !== node && other.target !== undefined && other.target.state !== "gone" &&
      known?.has(other.nodeid) !== true
    );
  }

  /** What its kernel has done it will tell nobody. */
  #lose(node: Node, regions: Iterable<number>): void {
    this.#nodes.delete(node);
    for (const region of regions) this.#lost.set(region, this.legs.copies(region));
  }
}

/** Whether the node is in one group with all that did not know of it. */
function hasJoined({ daemon }: Node, { groups }: Stranger): boolean {
  const known = daemon?.mirror?.log.recovery.known;
  return [...groups].every((nodeid) => known?.has(nodeid));
}
