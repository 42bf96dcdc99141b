/**
 * Nodes that run the daemon of lvm2, and the wrong bits that are theirs. On the log device: while such a node is the server, and until
 * one of ours has written the log after it. In our replicas: what such a server has told a joiner, or has copied though another node
 * writes it, until the legs are the same again.
 */
import type { Legs } from "./legs.ts";
import type { Node } from "./node.ts";

/** Every second node runs lvm2's daemon: the odd ones or the even ones, as the seed is. */
export function isOriginal(seed: number): (nodeid: number) => boolean {
  return (nodeid) => (nodeid + seed) % 2 === 1;
}

/** Wrong bits, by the defect that made them; the first two are on the log device. */
export interface Blame {
  /** D4: a server answers FLUSH and does not write. */
  unwritten: number;
  /** D5, D6: a server calls clean what it does not know to be marked. */
  unmarked: number;
  /** D5, D6: replicas of ours that had it from such a server. */
  misled: number;
}

export class Originals {
  readonly blame: Blame = { unwritten: 0, unmarked: 0, misled: 0 };
  /** Which write of the log was the last one when the bit was seen to be wrong. */
  readonly #wrong = new Map<number, number>();
  /** Regions whose bits are wrong in a replica of ours since a daemon of lvm2 was the server. */
  readonly #misled = new Set<number>();
  #last: Node | undefined;

  constructor(private readonly nodes: readonly Node[], private readonly legs: Legs) {}

  /** Whether the wrong bit of a region on the log device is the work of lvm2's daemon. */
  hasMade(region: number): boolean {
    const server = this.#server();
    const since = this.#wrong.get(region);
    const isKnown = this.#misled.has(region) ||
      (since !== undefined && since >= this.legs.lastOwnLogWrite);
    if (server?.original !== true) return isKnown;
    if (!isKnown) this.#enter(region, server);
    return true;
  }

  /** The same of a bit in a replica of ours. */
  hasMisled(region: number): boolean {
    if (this.#misled.has(region)) return true;
    if (this.#server()?.original !== true) return false;
    this.#misled.add(region);
    this.blame.misled++;
    return true;
  }

  /** Looks who is the server, and what is right again. */
  look(): void {
    this.#server();
    for (const region of this.#misled) {
      if (!this.legs.isBusy(region) && this.legs.areEqual(region)) this.#misled.delete(region);
    }
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
