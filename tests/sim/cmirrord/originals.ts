/**
 * Nodes that run the daemon of lvm2, and the wrong bits on the log device that are theirs: while such a node is the server, and until
 * one of ours has written the log after it.
 */
import type { Legs } from "./legs.ts";
import type { Node } from "./node.ts";

/** Every second node runs lvm2's daemon: the odd ones or the even ones, as the seed is. */
export function isOriginal(seed: number): (nodeid: number) => boolean {
  return (nodeid) => (nodeid + seed) % 2 === 1;
}

/** Wrong bits on the log device, by the defect that made them. */
export interface Blame {
  /** D4: a server answers FLUSH and does not write. */
  unwritten: number;
  /** D5, D6: a server calls clean what it does not know to be marked. */
  unmarked: number;
}

export class Originals {
  readonly blame: Blame = { unwritten: 0, unmarked: 0 };
  /** Which write of the log was the last one when the bit was seen to be wrong. */
  readonly #wrong = new Map<number, number>();
  #last: Node | undefined;

  constructor(private readonly nodes: readonly Node[], private readonly legs: Legs) {}

  /** Whether the wrong bit of a region on the log device is the work of lvm2's daemon. */
  hasMade(region: number): boolean {
    const server = this.#server();
    const since = this.#wrong.get(region);
    const isKnown = since !== undefined && since >= this.legs.lastOwnLogWrite;
    if (server?.original !== true) return isKnown;
    if (!isKnown) this.#enter(region, server);
    return true;
  }

  /** Looks who is the server. */
  look(): void {
    this.#server();
  }

  #enter(region: number, { daemon }: Node): void {
    this.#wrong.set(region, this.legs.logWrites);
    if (daemon?.mirror?.log.clean.has(region)) this.blame.unmarked++;
    else this.blame.unwritten++;
  }

  /** The node whose daemon is the server: as the members have heard last. */
  #server(): Node | undefined {
    const lowest = this.nodes.find(({ isCurrent }) => isCurrent)?.daemon?.mirror?.lowest;
    // While nobody has heard all there is, the last one.
    if (lowest !== undefined) this.#last = this.nodes.find(({ nodeid }) => nodeid === lowest);
    return this.#last;
  }
}
