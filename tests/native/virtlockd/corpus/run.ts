/** Plays one sequence against one daemon in a lab of its own. */
import type { Connection } from "../client.ts";
import { describe, readable } from "../client_describe.ts";
import * as frames from "../client_frames.ts";
import type { ClientProcess } from "../client_process.ts";
import type { Lab } from "../lab.ts";
import { type Daemon, pause } from "../lab_daemon.ts";
import type { Outcome, State } from "./outcome.ts";
import { stateOf } from "./outcome.ts";
import { openSite, type Site } from "./site.ts";
import { perform } from "./steps.ts";
import type { Payload, Sequence, Step } from "./script.ts";

/** Silence is this many answered PINGs of another client in a row without any other arrival. */
const QUIET_PINGS = 3;
/** Without a daemon, silence is that many pauses. */
const QUIET_MS = 20;
/** More than the 3 s for which the C daemon does not answer while it kills a holder. */
const PING_TIMEOUT_MS = 20_000;
/** A reply that comes at once is waited for this long before the daemon is asked for PONGs. */
const PROMPT_MS = 5;

/** Told of every whole frame that a client of the sequence received. */
export type FrameListener = (frame: Uint8Array) => void;

/** The running sequence: its daemon, who takes part, and what was seen so far. */
export class Stage {
  readonly trace: string[] = [];
  readonly connections = new Map<string, Connection>();
  readonly processes = new Map<string, ClientProcess>();
  /** Clients that closed their connection themselves. */
  readonly left = new Set<string>();
  /** performance.now() of the last disconnect, from which the end of a holder is timed. */
  disconnectedAt = 0;

  private constructor(
    readonly site: Site,
    readonly probe: Connection,
    readonly listener: FrameListener,
  ) {}

  /** Connects the probe, which registers because the C daemon cannot re-exec with one that has not. */
  static async set(site: Site, listener: FrameListener): Promise<Stage> {
    const probe = await site.connect("probe", site.sockets.lock);
    const owner = { uuid: frames.someUuid, name: "probe", id: 1, pid: 70000 };
    const call = frames.frame(frames.callHeader("REGISTER", 1), frames.registerArguments(owner));
    await probe.send(call);
    const reply = await probe.inbox.frameWithin(PING_TIMEOUT_MS);
    if (!reply) throw new Error(`virtlockd does not answer\n${site.daemon.stderr}`);
    return new Stage(site, probe, listener);
  }

  get lab(): Lab {
    return this.site.lab;
  }

  get daemon(): Daemon {
    return this.site.daemon;
  }

  note(line: string): void {
    this.trace.push(line);
  }

  connection(name: string): Connection {
    const connection = this.connections.get(name);
    if (!connection) throw new Error(`no client "${name}"`);
    return connection;
  }

  process(name: string): ClientProcess {
    const process = this.processes.get(name);
    if (!process) throw new Error(`no process "${name}"`);
    return process;
  }

  bytes(payload: Payload): Uint8Array {
    return typeof payload === "function" ? payload((name) => this.process(name).pid) : payload;
  }

  async send(client: string, payload: Payload): Promise<void> {
    await this.connection(client).send(this.bytes(payload));
  }

  /** The next frame on a connection in words; "closed" or "silence" if there is none to come. */
  async answer(client: string): Promise<string> {
    const { inbox } = this.connection(client);
    let frame = await inbox.frameWithin(PROMPT_MS);
    if (!frame && !inbox.closed) {
      await this.settle();
      frame = inbox.takeFrame();
    }
    if (frame) return this.received(frame);
    return inbox.closed ? "closed" : "silence";
  }

  received(frame: Uint8Array): string {
    this.listener(frame);
    return describe(frame);
  }

  /** Waits until the daemon has nothing more to say to anybody. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_PINGS; quiet++) {
      const before = this.#activity();
      if (!this.daemon.ended) await this.#ping();
      else if (!this.#allClosed()) await pause(QUIET_MS);
      for (const process of this.#everyProcess()) await process.command("sync");
      if (this.#activity() !== before) quiet = -1;
    }
  }

  state(): Promise<State> {
    const living = new Map<string, number>();
    if (!this.daemon.ended) living.set("the daemon", this.daemon.pid);
    for (const [name, { fate, pid }] of this.processes) if (fate === null) living.set(name, pid);
    return stateOf(this.lab, this.site.pidFile, living);
  }

  async outcome(): Promise<Outcome> {
    for (const [name, { inbox }] of this.connections) this.#noteRest(name, inbox);
    return {
      trace: this.trace,
      connections: [...this.connections].map(([name, { inbox }]) =>
        `${name} ${this.left.has(name) ? "left" : inbox.closed ? "closed" : "open"}`
      ),
      processes: [...this.processes].map(([name, { fate }]) => `${name} ${fate ?? "alive"}`),
      ...await this.state(),
      daemon: this.#daemonFate(),
    };
  }

  async clear(): Promise<void> {
    this.daemon.signal("SIGCONT");
    await this.daemon.stop();
    for (const process of this.processes.values()) await process[Symbol.asyncDispose]();
    for (const connection of this.connections.values()) await connection.close();
    await this.probe.close();
  }

  async #ping(): Promise<void> {
    await this.probe.send(frames.ping);
    const answer = await this.probe.inbox.frameWithin(PING_TIMEOUT_MS);
    if (answer || (this.probe.inbox.closed && await this.daemon.endWithin(PING_TIMEOUT_MS))) return;
    throw new Error(`the daemon does not answer PING\n${this.daemon.stderr}`);
  }

  #everyProcess(): ClientProcess[] {
    const { connector } = this.site;
    return [...(connector ? [connector] : []), ...this.processes.values()];
  }

  #allClosed(): boolean {
    return [...this.connections].every(([name, { inbox }]) => inbox.closed || this.left.has(name));
  }

  #activity(): number {
    return [...this.connections.values()].reduce((sum, { inbox }) => sum + inbox.activity, 0);
  }

  #noteRest(name: string, inbox: Connection["inbox"]): void {
    for (let frame; (frame = inbox.takeFrame());) {
      this.note(`${name} at last: ${this.received(frame)}`);
    }
    const rest = inbox.takeRest();
    if (rest.length > 0) this.note(`${name} at last: part of a frame, ${readable(rest)}`);
  }

  #daemonFate(): string {
    const { ended } = this.daemon;
    return ended ? ended.signal ?? `exit ${ended.code}` : "serving";
  }
}

/** Runs a sequence; throws an Error if the daemon does not start or hangs for good. */
export async function run(
  sequence: Sequence,
  binary: string,
  listener: FrameListener = () => {},
): Promise<Outcome> {
  await using site = await openSite(sequence, binary);
  const stage = await Stage.set(site, listener);
  try {
    for (const step of sequence.steps) await playStep(stage, step);
    await stage.settle();
    return await stage.outcome();
  } finally {
    await stage.clear();
  }
}

/** The table holds a function for each kind of step; TypeScript cannot pair the two by itself. */
async function playStep(stage: Stage, step: Step): Promise<void> {
  const play = perform[step.kind] as (stage: Stage, step: Step) => Promise<void> | void;
  await play(stage, step);
}
