/** The testers together: a queue of jobs, a few children that work it off, and those that hang. */
import { Errno } from "../../../ffi/errno.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import type { Program } from "../../../src/host/program.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import {
  BATCH_PATHS,
  CHILD_IDLE_MS,
  CHILD_LINGER_MS,
  CHILDREN_MAX,
  JOB_TRIES,
  STUCK_CHILDREN_MAX,
} from "../limits.ts";
import type { Answer, Job } from "../tester_protocol.ts";
import { Child, type ChildEvents } from "./child.ts";

interface Order {
  readonly job: Job;
  /** In a child of its own, because it hung before. */
  readonly alone: boolean;
  tries: number;
}

/** Called with the answer to a job. */
export type Answered = (job: Job, answer: Answer) => void;
/** Called when a process has ended in which a job had hung. */
export type Released = (job: Job) => void;

export class Children implements ChildEvents {
  readonly #log: Logger;
  readonly #children = new Set<Child>();
  readonly #orders = new Map<number, Order>();
  #queue: Order[] = [];
  #isPumpDue = false;
  #isFull = false;
  #started = 0;

  constructor(
    private readonly reactor: Reactor,
    private readonly program: Program,
    private readonly timeoutMs: number,
    private readonly done: Answered,
    private readonly released: Released,
    /** Whether further tests are due. */
    readonly expectsMore: () => boolean,
  ) {
    this.#log = logger("mdmpd", "tester");
  }

  /** Children that hang in the kernel. */
  get stuck(): number {
    return [...this.#children].filter(({ isLeaving, hung }) => isLeaving && hung.length > 0).length;
  }

  /** Children of whatever state. */
  get present(): number {
    return this.#children.size;
  }

  get started(): number {
    return this.#started;
  }

  get waiting(): number {
    return this.#orders.size;
  }

  submit(job: Job, alone = false): void {
    const order = { job, alone, tries: 0 };
    this.#orders.set(job.id, order);
    // What puts a path back goes before what only looks.
    if (job.kind === "restore") this.#queue.unshift(order);
    else this.#queue.push(order);
    this.#pumpSoon();
  }

  /** When the turn is over, so that what was ordered in it goes together. */
  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    this.reactor.defer(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#queue.length > 0) {
      const child = this.#freeChild();
      if (child === undefined) return;
      child.give({ timeoutMs: this.timeoutMs, jobs: this.#nextBatch().map(({ job }) => job) });
    }
  }

  /** One that hung before goes alone, others together; a job that puts back does not wait for one that reads. */
  #nextBatch(): Order[] {
    const [first] = this.#queue;
    const isLike = ({ alone, job }: Order): boolean =>
      !alone && (job.kind === "restore") === (first.job.kind === "restore");
    const batch = first.alone ? [first] : this.#queue.filter(isLike).slice(0, BATCH_PATHS);
    this.#queue = this.#queue.filter((order) => !batch.includes(order));
    return batch;
  }

  #freeChild(): Child | undefined {
    const present = [...this.#children].filter(({ isLeaving }) => !isLeaving);
    const idle = present.find(({ isBusy }) => !isBusy);
    if (idle !== undefined) return idle;
    // One that is starting, or about to finish, will take all that has come together by then.
    const isComing = present.some(({ isNearlyFree }) => isNearlyFree);
    if (!isComing && present.length < CHILDREN_MAX && !this.#isTooMuchStuck()) this.#start();
    return undefined;
  }

  #isTooMuchStuck(): boolean {
    const isFull = this.stuck >= STUCK_CHILDREN_MAX;
    if (isFull && !this.#isFull) {
      this.#log.error("{count} testers hang in the kernel: no further path is tested", {
        count: this.stuck,
      });
    }
    this.#isFull = isFull;
    return isFull;
  }

  #start(): void {
    try {
      this.#children.add(new Child(this.reactor, this.program, this));
      this.#started++;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.#log.error("cannot start a tester: {error}", { error });
      const orders = this.#queue;
      this.#queue = [];
      for (const { job } of orders) this.#finish(job, untested(job, error.message));
    }
  }

  #finish(job: Job, answer: Answer): void {
    if (!this.#orders.delete(job.id)) return;
    this.done(job, answer);
  }

  answered(job: Job, answer: Answer): void {
    this.#finish(job, answer);
  }

  /** What the child was at hangs; the others are given to another child. */
  abandoned({ pid }: Child, jobs: readonly Job[], at: Job | undefined): void {
    this.#log.info("tester {pid} is left alone with {count} tests", { pid, count: jobs.length });
    for (const job of jobs) {
      const order = this.#orders.get(job.id);
      if (order === undefined) continue;
      order.tries++;
      // It may have taken the path out of the array before it fell silent.
      if (job.kind === "restore") job.awaited = true;
      if (job === at) this.#finish(job, lost(job, "no answer from the kernel"));
      else if (order.tries >= JOB_TRIES) {
        this.#finish(job, untested(job, "its test ended without a word"));
      } else this.#queue.push(order);
    }
    this.#pumpSoon();
  }

  idle(): void {
    this.#pumpSoon();
  }

  idleMs(): number {
    return this.expectsMore() ? CHILD_LINGER_MS : CHILD_IDLE_MS;
  }

  ended(child: Child, status: number): void {
    this.#children.delete(child);
    if (status !== 0) this.#log.error("a tester ended with wait status {status}", { status });
    for (const job of child.hung) this.released(job);
    this.#pumpSoon();
  }
}

/** Nothing is known of the path: it did not even come to the test. */
function untested(job: Job, reason: string): Answer {
  const answer = { ...lost(job, reason), untested: true };
  return job.kind === "restore" ? { ...answer, unbound: job.awaited } : answer;
}

function lost({ id, kind }: Job, reason: string): Answer {
  if (kind === "learn") return { id, type: "learned", learned: [] };
  // It may have fallen silent between taking the path out of the array and putting it in again.
  return kind === "restore"
    ? { id, type: "hung", reason, unbound: true }
    : { id, type: "hung", reason };
}
