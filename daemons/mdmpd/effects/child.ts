/**
 * One tester, seen from the daemon: given batches, one at a time, and left alone when it hangs in the kernel, where no signal reaches
 * it. It ends when its input is closed and the kernel lets it.
 */
import { EAGAIN, Errno } from "../../../ffi/errno.ts";
import { closeDescriptor, readDescriptor, writeAll } from "../../../ffi/file.ts";
import { waitForChild } from "../../../ffi/process.ts";
import type { Program } from "../../../src/host/program.ts";
import { EPOLLIN, type Reactor, type Timer } from "../../../src/host/reactor.ts";
import { CHILD_GRACE_MS, CHILD_PATIENCE, CHILD_START_MS, MESSAGE_LIMIT_BYTES } from "../limits.ts";
import { type Answer, type Batch, type Job, parseMessage } from "../tester_protocol.ts";
import { isExhausted, readAttribute } from "./sysfs.ts";
import { endTester, startTester } from "./tester_process.ts";

export interface ChildEvents {
  /** A job is done. */
  answered(job: Job, answer: Answer): void;
  /** Nothing was heard for too long, or it ended: these jobs are open, and it was at `at` when it fell silent. */
  abandoned(child: Child, jobs: readonly Job[], at: Job | undefined): void;
  /** It has done its batch and could do another. */
  idle(child: Child): void;
  /** How long it is kept while it has nothing to do. */
  idleMs(): number;
  /** Whether there will be something to do. */
  expectsMore(): boolean;
  /** Its process has ended, and with it whatever hung. `status`: as waitpid(2) has it. */
  ended(child: Child, status: number): void;
}

const CHUNK_BYTES = 65_536;

/** proc_pid_stat(5): the letter behind the name, which stands in parentheses and may hold others. True where it cannot be known. */
function isRunnable(pid: number): boolean {
  try {
    return /^.*\) R/.test(readAttribute(`/proc/${pid}/stat`) ?? "");
  } catch (error) {
    if (!isExhausted(error)) throw error;
    return true;
  }
}

export class Child {
  readonly pid: number;
  /** Jobs whose reads hung: as long as the process is there, they do. */
  readonly hung: Job[] = [];
  /** It hangs, or has been told to go. */
  isLeaving = false;
  readonly #pidFd: number;
  readonly #input: number;
  readonly #output: number;
  readonly #open = new Map<number, Job>();
  readonly #decoder = new TextDecoder();
  #text = "";
  #timeoutMs = 0;
  #at = 0;
  #isDone = false;
  /** Messages so far. */
  #heard = 0;
  #patience = CHILD_PATIENCE;
  #silence: Timer | undefined;
  #isInputOpen = true;

  /** Starts a tester. Throws Errno. */
  constructor(
    private readonly reactor: Reactor,
    program: Program,
    private readonly events: ChildEvents,
  ) {
    const { pid, pidFd, input, output } = startTester(program);
    this.pid = pid;
    this.#pidFd = pidFd;
    this.#input = input;
    this.#output = output;
    this.#watch();
    this.#expectWord();
  }

  /** One that cannot be watched, for want of the kernel's memory, is not left behind. Throws Errno. */
  #watch(): void {
    try {
      this.reactor.watch(this.#output, EPOLLIN, () => this.#read());
      this.reactor.watch(this.#pidFd, EPOLLIN, () => this.#end());
    } catch (error) {
      this.reactor.unwatch(this.#output);
      for (const fd of [this.#input, this.#output, this.#pidFd]) closeDescriptor(fd);
      endTester(this.pid);
      throw error;
    }
  }

  /** It has not said its first word yet. */
  get isStarting(): boolean {
    return this.#heard === 0;
  }

  /** Until it says that it is done: its last answer is not its last word. */
  get isBusy(): boolean {
    return !this.#isDone;
  }

  /** It is about to say so, and will take another batch. */
  get isNearlyFree(): boolean {
    return this.isBusy && this.#open.size === 0 && this.hung.length === 0;
  }

  /** Hands over a batch; only when it is idle. Its pipe is empty then and takes all of it. */
  give(batch: Batch): void {
    this.reactor.cancel(this.#silence);
    this.#patience = CHILD_PATIENCE;
    this.#isDone = false;
    this.#timeoutMs = batch.timeoutMs;
    this.#at = 0;
    for (const job of batch.jobs) this.#open.set(job.id, job);
    this.#expectWord();
    this.#write(`${JSON.stringify(batch)}\n`);
  }

  /** One that has been killed a moment ago takes nothing any more; #end() tells of its jobs. */
  #write(text: string): void {
    try {
      writeAll(this.#input, new TextEncoder().encode(text), "a tester");
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
  }

  /** No more batches: it may go. */
  dismiss(): void {
    this.isLeaving = true;
    this.reactor.cancel(this.#silence);
    if (this.#isInputOpen) closeDescriptor(this.#input);
    this.#isInputOpen = false;
  }

  /** How long it may be silent: long while it waits for reads, short while it is to open or to write something. */
  #expectWord(): void {
    this.reactor.cancel(this.#silence);
    const limitMs = this.isStarting
      ? CHILD_START_MS
      : (this.#at === 0 ? this.#timeoutMs : 0) + CHILD_GRACE_MS;
    this.#silence = this.reactor.after(limitMs, () => this.#silent());
  }

  /**
   * One that is running, or waits for a processor, is slow, and will say something; one that sleeps does so in the kernel. And it may be
   * ourselves who were slow: then what it said is still in the pipe.
   */
  #silent(): void {
    const heard = this.#heard;
    this.#read();
    if (this.#heard > heard || this.isLeaving) return;
    const isSlow = isRunnable(this.pid) && this.#patience-- > 0;
    if (isSlow) this.#expectWord();
    else this.#abandon();
  }

  #abandon(): void {
    const jobs = [...this.#open.values()];
    const at = this.#open.get(this.#at);
    if (at !== undefined) this.hung.push(at);
    this.#open.clear();
    this.dismiss();
    this.events.abandoned(this, jobs, at);
  }

  #read(): void {
    const buffer = new Uint8Array(CHUNK_BYTES);
    const count = readDescriptor(this.#output, buffer);
    if (count === -EAGAIN) return;
    if (count <= 0) return this.reactor.unwatch(this.#output);
    this.#text += this.#decoder.decode(buffer.subarray(0, count), { stream: true });
    if (this.#text.length > MESSAGE_LIMIT_BYTES * 16) return this.#abandon();
    const lines = this.#text.split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    const message = parseMessage(line);
    if (message === undefined || this.isLeaving) return;
    this.#heard++;
    if ("at" in message) this.#at = message.at;
    if ("id" in message) this.#answered(message);
    if ("done" in message) this.#done(message.hangs === true);
    else this.#expectWord();
  }

  #answered(answer: Answer): void {
    const job = this.#open.get(answer.id);
    if (job === undefined) return;
    this.#open.delete(answer.id);
    if (answer.type === "hung") this.hung.push(job);
    this.events.answered(job, answer);
  }

  #done(hangs: boolean): void {
    this.#isDone = true;
    const left = [...this.#open.values()];
    this.#open.clear();
    if (left.length > 0) this.events.abandoned(this, left, undefined);
    // Its reads are still under way: it can end only when they do, and their end is what we want to know.
    if (this.hung.length > 0) return this.dismiss();
    this.reactor.cancel(this.#silence);
    this.#rest(hangs);
    this.events.idle(this);
  }

  /** One that a read of ours hangs in stays while there is work: it could not end, and the next one would hang beside it. */
  #rest(hangs: boolean): void {
    this.#silence = this.reactor.after(this.events.idleMs(), () => {
      if (hangs && this.events.expectsMore()) this.#rest(hangs);
      else this.dismiss();
    });
  }

  #end(): void {
    this.#read();
    this.reactor.unwatch(this.#pidFd);
    this.reactor.unwatch(this.#output);
    closeDescriptor(this.#pidFd);
    closeDescriptor(this.#output);
    const { status } = waitForChild(this.pid, true);
    const left = [...this.#open.values()];
    this.#open.clear();
    this.dismiss();
    if (left.length > 0) this.events.abandoned(this, left, undefined);
    this.events.ended(this, status);
  }
}
