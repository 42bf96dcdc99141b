/**
 * Kernels that nobody knows of. A node's daemon is killed, its kernel goes on, and all others leave; then a node resumes as the first
 * member of a new group. No log tells it of the kernel that still writes what it had marked, and copies what it was recovering. What
 * that kernel does there is excused until its daemon has joined, and told the group; what its node's death leaves half done before
 * that, until it was recovered. It is the same the other way round where the log is in memory: what the new group was writing when its
 * last node died that kernel's daemon cannot know, nor one of a mirror that was suspended all the while.
 */
import type { Legs } from "./legs.ts";
import type { Node } from "./node.ts";

export class Unheard {
  /** Nodes that are not heard, and where each was at work since. */
  readonly #nodes = new Map<Node, Set<number>>();
  /** Nodes that were heard: the same, and how often the log had been written then, which is written anew when all have heard. */
  readonly #heard = new Map<Node, { readonly writes: number; readonly regions: Set<number> }>();
  /** Regions that a node which has died unheard was writing. */
  readonly #lost = new Map<number, number>();

  /** `onDisk`: where the log is. */
  constructor(
    private readonly nodes: readonly Node[],
    private readonly legs: Legs,
    private readonly onDisk: boolean,
  ) {}

  /** Looks who is known to whom. */
  look(): void {
    for (const node of this.nodes) {
      if (node.isCurrent) this.#hear(node);
      else if (!node.isLive) this.#lose(node, this.#nodes.get(node) ?? []);
      else if (!this.#nodes.has(node) && this.#isStranger(node)) {
        this.#nodes.set(node, new Set());
      }
    }
    for (const [node, regions] of this.#nodes) {
      for (const region of this.#regionsOf(node)) regions.add(region);
    }
  }

  #hear(node: Node): void {
    const regions = this.#nodes.get(node);
    if (regions === undefined) return;
    this.#nodes.delete(node);
    this.#heard.set(node, { writes: this.legs.logWrites, regions });
  }

  /** Where the node's kernel is at work. */
  #regionsOf({ target }: Node): number[] {
    const regions: number[] = [];
    for (let region = 0; region < this.legs.regions; region++) {
      if (target?.isAt(region)) regions.push(region);
    }
    return regions;
  }

  /** Whether there is a group, and it does not know of the node. */
  #isStranger({ nodeid }: Node): boolean {
    return this.nodes.some((member) =>
      member.isCurrent && !member.original &&
      !member.daemon?.mirror?.log.recovery.known.has(nodeid)
    );
  }

  isUnheard(nodeid: number): boolean {
    for (const node of this.#nodes.keys()) if (node.nodeid === nodeid) return true;
    return false;
  }

  has(region: number): boolean {
    for (const regions of this.#nodes.values()) if (regions.has(region)) return true;
    const copies = this.#lost.get(region);
    return copies !== undefined && copies === this.legs.copies(region);
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
    const regions = this.#nodes.get(node);
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
