/**
 * Events on their way to the event program, which is called as `mdadm --monitor` calls it: event, array, device.
 *
 * The program is an administrator's own and may need anything, which this daemon gives up. So a helper process runs it
 * (hook_helper.ts): all that can be asked of the helper is to run that one program, with those words. It is given one event at a time;
 * the others wait here, where they are counted, and stay when a helper is lost.
 */
import { EAGAIN, EINTR, strerror } from "../../../ffi/errno.ts";
import { closeDescriptor, readDescriptor } from "../../../ffi/file.ts";
import { sendBytes } from "../../../ffi/socket.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import { EPOLLIN, type Reactor, type Timer } from "../../../src/host/reactor.ts";
import type { EventName } from "../events.ts";
import { HOOK_MESSAGE_BYTES, HOOK_QUEUE_EVENTS, HOOK_RETRY_MS } from "../limits.ts";
import { HOOK_DONE } from "./hook_helper.ts";
import type { HookWay } from "./hook_way.ts";

const NOT_CONNECTED = -1;
/** Of troubles, the one that is no answer of the helper's. */
const NO_HELPER = "no helper";

export class Hook {
  readonly #log: Logger = logger("mdmpd", "program");
  readonly #buffer = new Uint8Array(HOOK_MESSAGE_BYTES);
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #fd = NOT_CONNECTED;
  /** The helper has an event. */
  #isBusy = false;
  #retry: Timer | undefined;
  #dropped = 0;
  /** What was said last to be wrong, and is not said again; "" for nothing. */
  #trouble = "";
  #isFull = false;

  /** Reaches for the helper, so that what is wrong with it is said now and not at the first event. */
  constructor(private readonly reactor: Reactor, private readonly way: HookWay) {
    this.#reach();
  }

  /** Events that the program was not run for. */
  get dropped(): number {
    return this.#dropped;
  }

  tell(event: EventName, array: string, device: string): void {
    if (this.#waiting.length >= HOOK_QUEUE_EVENTS) return this.#refuse();
    this.#waiting.push(new TextEncoder().encode(`${event}\t${array}\t${device}`));
    this.#next();
  }

  /** The helper sees through what it has, and what its socket takes now, some hundreds; that there are more is said. */
  close(): void {
    this.reactor.cancel(this.#retry);
    const isConnected = this.#fd !== NOT_CONNECTED;
    const lost = this.#waiting.filter((bytes) =>
      !isConnected || sendBytes(this.#fd, bytes, bytes.length) < 0
    );
    if (isConnected) this.#disconnect();
    this.#waiting.length = 0;
    this.#dropped += lost.length;
    if (lost.length === 0) return;
    this.#log.error("the event program is not run for {count} events: the daemon ends", {
      count: lost.length,
    });
  }

  #refuse(): void {
    this.#dropped++;
    if (this.#isFull) return;
    this.#isFull = true;
    const count = HOOK_QUEUE_EVENTS;
    this.#log.error("{count} events wait for the event program: further ones are dropped", {
      count,
    });
  }

  #next(): void {
    if (this.#isBusy || this.#retry !== undefined || this.#waiting.length === 0) return;
    if (this.#fd === NOT_CONNECTED && !this.#reach()) return this.#later();
    const [first] = this.#waiting;
    const count = sendBytes(this.#fd, first, first.length);
    if (count < 0) return this.#lose(strerror(-count));
    this.#waiting.shift();
    this.#isBusy = true;
  }

  /** Whether the helper is reached. */
  #reach(): boolean {
    try {
      this.#fd = this.way.reach();
      this.reactor.watch(this.#fd, EPOLLIN, () => this.#ready());
      return true;
    } catch (error) {
      const { cure } = this.way;
      if (this.#isNews(NO_HELPER)) {
        this.#log.error("the event program is not run: {error}: {cure}", { error, cure });
      }
      return false;
    }
  }

  /** Events wait for a helper that can come back, and no others. */
  #later(): void {
    if (!this.way.reopens) {
      this.#dropped += this.#waiting.length;
      this.#waiting.length = 0;
      return;
    }
    this.#retry = this.reactor.after(HOOK_RETRY_MS, () => {
      this.#retry = undefined;
      this.#next();
    });
  }

  #ready(): void {
    while (this.#fd !== NOT_CONNECTED) {
      const count = readDescriptor(this.#fd, this.#buffer);
      if (count === -EINTR) continue;
      if (count === -EAGAIN) return;
      if (count <= 0) return this.#lose("it has ended");
      this.#answered(new TextDecoder().decode(this.#buffer.subarray(0, count)));
    }
  }

  #answered(answer: string): void {
    this.#isBusy = false;
    if (answer === HOOK_DONE) this.#recovered();
    else if (this.#isNews(answer)) {
      this.#log.warn("trouble with the event program: {answer}", { answer });
    }
    if (this.#waiting.length === 0) this.#isFull = false;
    this.#next();
  }

  #recovered(): void {
    if (this.#trouble !== "") this.#log.info("the event program runs again");
    this.#trouble = "";
  }

  /** Whether the program was run for the event at hand nobody knows; it is not run for it twice. */
  #lose(reason: string): void {
    if (this.#isBusy) this.#dropped++;
    this.#isBusy = false;
    this.#disconnect();
    const { cure } = this.way;
    if (this.#isNews(NO_HELPER)) {
      this.#log.error("the event program's helper is gone: {reason}: {cure}", { reason, cure });
    }
    if (this.#waiting.length > 0) this.#later();
  }

  #disconnect(): void {
    this.reactor.unwatch(this.#fd);
    closeDescriptor(this.#fd);
    this.#fd = NOT_CONNECTED;
  }

  #isNews(trouble: string): boolean {
    const isNews = trouble !== this.#trouble;
    this.#trouble = trouble;
    return isNews;
  }
}
