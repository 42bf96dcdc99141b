/**
 * Kernels that nobody knows of. A node's daemon is killed, its kernel goes on, and all others leave; then a node resumes as the first
 * member of a new group. No log tells it of the kernel that still writes what it had marked, and copies what it was recovering. What
 * that kernel does there is excused until its daemon has joined, and told the group; what its node's death leaves half done before
 * that, until it was recovered. It is the same the other way round where the log is in memory: what the new group was writing when its
 * last node died that kernel's daemon cannot know.
 */
import type { Legs } from "./legs.ts";
import type { Node } from "./node.ts";

export class Unheard {
  readonly #nodes = new Set<Node>();
  /** Nodes that were heard, and how often the log had been written then: it is written anew when all have heard. */
  readonly #heard = new Map<Node, number>();
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
      if (node.isCurrent && this.#nodes.delete(node)) this.#heard.set(node, this.legs.logWrites);
      else if (node.isCurrent) continue;
      else if (node.isLive && this.#isStranger(node)) this.#nodes.add(node);
    }
  }

  /** Whether there is a group, and it does not know of the node. */
  #isStranger({ nodeid }: Node): boolean {
    return this.nodes.some((member) =>
      member.isCurrent && !member.original &&
      !member.daemon?.mirror?.log.recovery.known.has(nodeid)
    );
  }

  isUnheard(nodeid: number): boolean {
    for (const node of this.#nodes) if (node.nodeid === nodeid) return true;
    return false;
  }

  has(region: number): boolean {
    for (const { target } of this.#nodes) if (target?.isAt(region)) return true;
    const copies = this.#lost.get(region);
    return copies !== undefined && copies === this.legs.copies(region);
  }

  /** The same of the log device. */
  hasOnDisk(region: number): boolean {
    for (const [{ target }, writes] of this.#heard) {
      if (this.legs.logWrites <= writes + 1 && target?.isAt(region)) return true;
    }
    return false;
  }

  /** The node is about to die. */
  crash(node: Node): void {
    const isLast = !this.nodes.some((other) => other !== node && other.isCurrent);
    const isForgotten = !this.onDisk && isLast && this.#nodes.size > 0;
    if (!this.#nodes.delete(node) && !isForgotten) return;
    for (let region = 0; region < this.legs.regions; region++) {
      if (node.target?.isAt(region)) this.#lost.set(region, this.legs.copies(region));
    }
  }
}
