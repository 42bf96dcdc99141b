/**
 * Nodes that run the daemon of lvm2, and the wrong bits that are theirs. On the log device: while such a node is the server, and until
 * one of ours has written the log after it. In our replicas: what such a server has had copied though another node writes it, and what
 * a joiner was told, until the legs are the same again; but what the members tell differently only until all have told.
 */
import type { Legs } from "./legs.ts";
import type { MirrorTarget } from "./mirror_target.ts";
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
  /** A server has regions copied that another node has marked: bits of them in replicas of ours. */
  misled: number;
  /** Clusters that never came to rest, as such a server hands out no work though regions are out of sync. */
  stuck: number;
}

export class Originals {
  readonly blame: Blame = { unwritten: 0, unmarked: 0, misled: 0, stuck: 0 };
  /** Which write of the log was the last one when the bit was seen to be wrong. */
  readonly #wrong = new Map<number, number>();
  /**
   * Regions that daemons of lvm2 have led astray: such a server has had them copied by one node while another one was at work there;
   * or a node of ours that joined was told by all of them that they are clean.
   */
  readonly #astray = new Set<number>();
  /** What each kernel was told last of where it need not ask, and which regions it was told of wrongly by such a server. */
  readonly #hints = new Map<MirrorTarget, { hint: number; wrong: Set<number> }>();
  /** Of those, the regions that each has written on one leg since. */
  readonly #behind = new Map<MirrorTarget, Set<number>>();
  /** The last join of each node of ours. */
  readonly #joins = new Map<Node, number>();
  /** Of the regions that are astray, those whose bits were seen to be wrong in a replica of ours. */
  readonly #misled = new Set<number>();
  #last: Node | undefined;
  /** How often the log had been written when such a daemon was the server last. */
  #ruledUntil = -1;

  constructor(private readonly nodes: readonly Node[], private readonly legs: Legs) {}

  /** Whether the wrong bit of a region on the log device is the work of lvm2's daemon. */
  hasMade(region: number): boolean {
    const server = this.#server();
    const since = this.#wrong.get(region);
    const isKnown = this.#astray.has(region) ||
      (since !== undefined && since >= this.legs.lastOwnLogWrite);
    if (isKnown) return true;
    // What such a server has answered and not written may be seen when the next one is there only.
    const isTheirs = server?.original === true || this.#ruledUntil >= this.legs.lastOwnLogWrite;
    if (isTheirs) this.#enter(region, server);
    return isTheirs;
  }

  /** The same of a bit in a replica of ours: one that waits for more checkpoints does not write the log yet, nor hand it on. */
  hasMisled(region: number, node: Node): boolean {
    if (this.#misled.has(region) || isUntold(region, node)) return true;
    if (!this.#astray.has(region)) return false;
    this.#misled.add(region);
    this.blame.misled++;
    return true;
  }

  /**
   * Whether all that is missing is a recovery which a server of lvm2 will not hand out before its next resume: it has looked at all
   * regions, and then forgets what is urgent; or it waits for a node that is gone.
   */
  isStuck(): boolean {
    const server = this.#server();
    const log = server?.daemon?.mirror?.log;
    if (server?.original !== true || log === undefined) return false;
    const { recovery, sync, regionCount } = log;
    const isWaiting = recovery.region >= 0 && !this.#isUp(recovery.recoverer);
    const isForgotten = sync.count < regionCount && recovery.search >= regionCount;
    return (isWaiting || isForgotten) &&
      this.nodes.every(({ target }) =>
        target?.state !== "up" || target.waitsOnlyFor((region) => !sync.has(region))
      );
  }

  #isUp(nodeid: number): boolean {
    return this.nodes.some((node) => node.nodeid === nodeid && node.isLive);
  }

  /** Looks who is the server, and what is right again. */
  look(): void {
    const server = this.#server();
    if (server?.original === true) this.#ruledUntil = this.legs.logWrites;
    for (const { target } of this.nodes) if (target !== undefined) this.#lookAtHint(target, server);
    this.#lookForOverlaps(server?.original === true);
    for (const { target } of this.nodes) if (target !== undefined) this.#lookAtLegs(target);
    for (const node of this.nodes) if (!node.original) this.#lookAtJoin(node);
    for (const region of this.#astray) {
      if (this.nodes.some(({ target }) => target?.recovering === region)) continue;
      if (this.legs.isBusy(region) || !this.legs.areEqual(region)) continue;
      this.#astray.delete(region);
      this.#misled.delete(region);
    }
  }

  #lookAtHint(target: MirrorTarget, server: Node | undefined): void {
    const { hint } = target;
    if (this.#hints.get(target)?.hint === hint) return;
    const log = server?.daemon?.mirror?.log;
    const wrong = new Set<number>();
    if (server?.original === true && log !== undefined) {
      for (let r = log.sync.nextClear(0); r < hint; r = log.sync.nextClear(r + 1)) wrong.add(r);
    }
    this.#hints.set(target, { hint, wrong });
  }

  /** Regions that one node recovers while another one is at work there, by what a server of lvm2 has said. */
  #lookForOverlaps(byOriginal: boolean): void {
    for (const { target: recoverer } of this.nodes) {
      const region = recoverer?.recovering ?? -1;
      if (region < 0) continue;
      const isWritten = this.nodes.some(({ target }) =>
        target !== undefined && target !== recoverer && target.isAt(region) &&
        (byOriginal || this.#hints.get(target)?.wrong.has(region) === true)
      );
      if (isWritten) this.#astray.add(region);
    }
  }

  /** Regions that a kernel writes on one leg, as such a server has said that nobody recovers them. It remembers that for good. */
  #lookAtLegs(target: MirrorTarget): void {
    const behind = this.#behind.get(target) ?? new Set();
    for (const region of this.#hints.get(target)?.wrong ?? []) behind.add(region);
    for (const region of behind) {
      if (!target.isBehind(region)) behind.delete(region);
      else if (this.legs.isBusy(region) || !this.legs.areEqual(region)) this.#astray.add(region);
    }
    this.#behind.set(target, behind);
  }

  /** A node of ours has its state: what is wrong in it, and in that of a daemon of lvm2 or on the device by such a one, is not ours. */
  #lookAtJoin(node: Node): void {
    const mirror = node.isCurrent ? node.daemon?.mirror : undefined;
    if (mirror === undefined || this.#joins.get(node) === mirror.generation) return;
    this.#joins.set(node, mirror.generation);
    for (const region of mirror.log.clean.members()) {
      if (!this.legs.isBusy(region) && this.legs.areEqual(region)) continue;
      if (this.#wrong.has(region) || this.nodes.some((one) => believes(one, region))) {
        this.#astray.add(region);
      }
    }
  }

  #enter(region: number, server: Node | undefined): void {
    this.#wrong.set(region, this.legs.logWrites);
    if (server?.daemon?.mirror?.log.clean.has(region)) this.blame.unmarked++;
    else this.blame.unwritten++;
  }

  /**
   * Whether lvm2's daemon chooses what is recovered. It has not heard of kernels that go on without their daemons, and repeats, to a node
   * that has come back, what another one may have been given meanwhile.
   */
  get doChoose(): boolean {
    return this.#server()?.original === true;
  }

  /** The node whose daemon is the server: as the members have heard last. */
  #server(): Node | undefined {
    const lowest = this.nodes.find(({ isCurrent }) => isCurrent)?.daemon?.mirror?.lowest;
    // While nobody has heard all there is, the last one.
    if (lowest !== undefined) this.#last = this.nodes.find(({ nodeid }) => nodeid === lowest);
    return this.#last;
  }
}

/** Whether a daemon of lvm2 calls a region clean. */
function believes({ original, isCurrent, daemon }: Node, region: number): boolean {
  return original && isCurrent && daemon?.mirror?.log.clean.has(region) === true;
}

function isUntold(region: number, { daemon }: Node): boolean {
  const mirror = daemon?.mirror;
  if (mirror === undefined || mirror.writers.size === 0) return false;
  return mirror.log.recovery.isMixed && mirror.log.clean.has(region);
}
