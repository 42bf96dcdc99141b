/** A cluster under random load, with joins, leaves, kills and crashes, all from one seed. */
import { HELD_RECOVERY_MS } from "../../../daemons/cmirrord/limits.ts";
import { Random } from "../../fuzz/random.ts";
import { checkAgreement, checkRegions, type Excuses } from "./checks.ts";
import { Clock } from "./clock.ts";
import { Group, NODEDOWN, TOKEN_LOST_MS } from "./group.ts";
import { Legs } from "./legs.ts";
import { Node, type Shared } from "./node.ts";
import { type Blame, Originals } from "./originals.ts";
import { Unheard } from "./unheard.ts";

/** How a run goes. */
export interface Plan {
  readonly nodes: number;
  readonly regions: number;
  readonly disk: boolean;
  /** Things that happen to the cluster. */
  readonly events: number;
  /** Of them, most are deaths of daemons. */
  readonly isHarsh: boolean;
}

export function planOf(random: Random): Plan {
  return {
    nodes: 2 + random.below(4),
    regions: 3 + random.below(60),
    disk: random.below(2) === 0,
    events: 5 + random.below(25),
    isHarsh: false,
  };
}

/** Few nodes, few regions, many deaths of daemons, some of them long enough for the kernel to give up waiting. */
export function harshPlanOf(random: Random): Plan {
  return {
    nodes: 2 + random.below(2),
    regions: 3 + random.below(6),
    disk: random.below(2) === 0,
    events: 5 + random.below(60),
    isHarsh: true,
  };
}

const SECTORS = 1024;
/** All must be at rest so long after the last event. */
const PATIENCE_MS = 900_000;

export interface Tally {
  steps: number;
  writes: number;
  messages: number;
  /** Writes to one leg of kernels that had given up on their daemon. */
  strays: number;
  /** What daemons of lvm2 among the nodes have done to the log device. */
  readonly blame: Blame;
}

export class Cluster {
  readonly clock = new Clock();
  readonly nodes: Node[];
  readonly legs: Legs;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #group: Group;
  readonly #unheard: Unheard;
  readonly #originals: Originals;
  readonly #excuses: Excuses;
  #steps = 0;
  #writes = 0;

  /** `isOriginal`: which nodes run the daemon of lvm2, by nodeid. */
  constructor(seed: number, plan = planOf, isOriginal: (nodeid: number) => boolean = () => false) {
    this.#random = new Random(seed);
    this.#plan = plan(this.#random);
    const { nodes, regions, disk } = this.#plan;
    this.legs = new Legs(regions, nodes);
    this.legs.differ();
    this.#group = new Group(this.clock, this.#random);
    const log = disk ? "clustered-disk 253:0" : "clustered-core";
    const shared: Shared = {
      clock: this.clock,
      random: this.#random,
      group: this.#group,
      legs: this.legs,
      table: `${regions * SECTORS} ${log} ${SECTORS}`,
      uuid: "LVM-simulated",
      check: () => this.#check(),
      mayBeCopied: (node) => this.#unheard.isUnheard(node) || this.#originals.doChoose,
    };
    this.nodes = Array.from(
      { length: nodes },
      (_, i) => new Node(shared, i + 1, isOriginal(i + 1)),
    );
    const unheard = new Unheard(this.nodes, this.legs, disk);
    const originals = new Originals(this.nodes, this.legs);
    this.#unheard = unheard;
    this.#originals = originals;
    this.#excuses = {
      isUnheard: (region) => unheard.has(region) || this.legs.isStray(region),
      isSuspect: (region, node) => unheard.isSuspect(region, node),
      isOnItsWay: (region) => unheard.hasOnDisk(region),
      isOfOriginal: (region) => originals.hasMade(region),
      isMisled: (region, node) => originals.hasMisled(region, node),
    };
  }

  #check(): void {
    this.#unheard.look();
    this.#originals.look();
    checkAgreement(this.nodes);
    checkRegions(this.nodes, this.legs, this.#plan.disk, this.#excuses);
  }

  run(): Tally {
    this.#boot(this.#random.pick(this.nodes));
    for (let i = 0; i < this.#plan.events; i++) {
      this.#advance(this.#random.below(this.#random.below(8) === 0 ? 4_000 : 200));
      this.#happen();
    }
    if (!this.#rest()) this.#originals.blame.stuck++;
    const { blame } = this.#originals;
    const { strayWrites: strays } = this.legs;
    return {
      steps: this.#steps,
      writes: this.#writes,
      messages: this.#group.ordered,
      strays,
      blame,
    };
  }

  #advance(ms: number): void {
    const until = this.clock.nowMs + ms;
    while (this.clock.step(until)) this.#steps++;
    this.clock.nowMs = until;
  }

  #boot(node: Node): void {
    if (node.isDown) return;
    node.startDaemon();
    if (node.target === undefined || node.target.state === "gone") node.start();
  }

  #happen(): void {
    const node = this.#random.pick(this.nodes);
    const { target } = node;
    if (target === undefined || target.state === "gone") return this.#boot(node);
    const drawn = this.#random.below(14);
    const kind = this.#plan.isHarsh && drawn >= 2 && drawn < 5 ? 9 : drawn;
    if (kind < 6) this.#write(node, 1 + this.#random.below(12));
    else if (kind < 8) target.wanted = target.wanted === "up" ? "suspended" : "up";
    else if (kind === 8) target.wanted = "gone";
    else if (kind === 9) this.#kill(node);
    else if (kind === 10) this.#crash(node);
    else if (kind === 11) node.loseGroup();
    else if (kind === 12) this.#part();
    else this.#write(this.#random.pick(this.nodes), 20);
  }

  #write(node: Node, count: number): void {
    // Some regions are hot.
    for (let i = 0; i < count; i++) node.target?.queue.push(this.#random.small(this.legs.regions));
    this.#writes += count;
  }

  /** The daemon is killed, and comes back soon, or after the kernel has noticed. */
  #kill(node: Node): void {
    // lvm2's is not fit for it (D1).
    if (node.original) return;
    node.killDaemon();
    const [odds, longMs] = this.#plan.isHarsh ? [2, 15_000] : [3, 5_000];
    const pauseMs = this.#random.below(this.#random.below(odds) === 0 ? longMs : 100);
    this.clock.after(pauseMs, () => node.startDaemon());
  }

  /** The network is parted: what has no quorum stands still, and comes back when it has. */
  #part(): void {
    const minority = this.#random.below(Math.ceil(this.nodes.length / 2));
    const first = this.#random.below(this.nodes.length);
    for (let i = 0; i < minority; i++) {
      this.nodes[(first + i) % this.nodes.length].loseGroup();
    }
  }

  #crash(node: Node): void {
    this.#unheard.crash(node);
    node.crash(NODEDOWN);
    this.clock.after(TOKEN_LOST_MS + this.#random.below(3_000), () => this.#boot(node));
  }

  /** Nothing happens any more: all that was begun is ended, and all is in sync. False where a server of lvm2 does not see to it. */
  #rest(): boolean {
    for (const { target } of this.nodes) if (target?.wanted === "suspended") target.wanted = "up";
    const until = this.clock.nowMs + PATIENCE_MS;
    if (!this.#untilRest(until)) return false;
    // A daemon that was restarted under an idle kernel hears of the mirror with its next request.
    for (const node of this.nodes) if (node.target?.state === "up") this.#write(node, 1);
    if (!this.#untilRest(until)) return false;
    this.#advance(15_000);
    // What the kernel repeats then is soon answered; but a node that has come back late may wait for what an absent one recovers.
    if (!this.#untilRest(this.clock.nowMs + HELD_RECOVERY_MS + 20_000)) return false;
    for (const node of this.nodes) {
      if (node.target?.state === "up" && !node.isCurrent) throw new Error(this.#describe());
    }
    return true;
  }

  #untilRest(untilMs: number): boolean {
    while (!this.#isAtRest()) {
      this.#steps++;
      if (this.clock.step(untilMs)) continue;
      if (this.#originals.isStuck()) return false;
      throw new Error(`not at rest: ${this.#describe()}`);
    }
    return true;
  }

  #isAtRest(): boolean {
    return this.nodes.every((node) => {
      const { target } = node;
      if (target === undefined || target.state === "gone") return true;
      const { daemon } = node;
      const heard = daemon !== undefined && (daemon.mirror === undefined || node.isCurrent);
      return target.state === "up" && target.isIdle && target.isSynced && heard;
    });
  }

  #describe(): string {
    return this.nodes.map(({ nodeid, target, daemon }) => {
      const mirror = daemon?.mirror;
      return `${nodeid}: ${target?.state} ${target?.wanted} idle ${target?.isIdle} synced ${target?.isSynced} ` +
        `queue ${target?.queue.length} ${mirror?.phase} resumed ${mirror?.log.resumed} sync ${mirror?.log.sync.count} ` +
        `recovery ${mirror?.log.recovery.region} by ${mirror?.log.recovery.recoverer} ` +
        `working ${
          mirror?.working.map(({ request, delivered }) =>
            `${request.type}/${request.seq}${delivered ? "d" : ""}`
          )
        } ` +
        `outbox ${mirror?.outbox.length} inFlight ${mirror?.inFlight} lowest ${mirror?.lowest} members ${mirror?.members}`;
    }).join("\n");
  }
}
