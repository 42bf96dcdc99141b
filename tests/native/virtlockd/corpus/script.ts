/**
 * The language of the corpus: a sequence is a sentence and a list of steps, plain data. The
 * recorders below write such a list the way the story is told: who connects, what they ask.
 */
import * as frames from "../client_frames.ts";
import type { DaemonOptions } from "../lab_daemon.ts";
import type { ProcessOptions } from "../client_process.ts";

/** Bytes that may need the pid of a process of the sequence, known only when it runs. */
export type Payload = Uint8Array | ((pidOf: (name: string) => number) => Uint8Array);

export type Step =
  | ({ kind: "process"; process: string } & ProcessOptions)
  | { kind: "connect"; client: string; socket: "lock" | "admin"; process?: string }
  /** Sends, then waits for one frame, the end of the connection, or silence. */
  | { kind: "call"; client: string; label: string; bytes: Payload }
  | { kind: "send"; client: string; bytes: Payload }
  /** Waits up to `ms` milliseconds for `count` frames. */
  | { kind: "receive"; client: string; count: number; ms: number }
  | { kind: "halfClose" | "close"; client: string }
  /** One line for the helper process; its answer is an observation. */
  | { kind: "command"; process: string; line: string }
  | { kind: "passDescriptors"; client: string; process: string; count: number }
  | { kind: "fork" | "kill" | "ended"; process: string }
  /** Waits until no lock of the daemon is on the file. */
  | { kind: "freed"; path: string }
  | { kind: "file"; path: string; content: string; mode: number }
  | { kind: "directory"; path: string; mode: number }
  | { kind: "symlink" | "hardLink" | "rename"; from: string; to: string }
  /** A character device of its own that behaves as /dev/null. */
  | { kind: "device"; path: string }
  | { kind: "remove"; path: string }
  | { kind: "chmod"; path: string; mode: number }
  | { kind: "mount"; path: string; what: "read-only" | "full" }
  | { kind: "observe"; label: string }
  | { kind: "settle" }
  | { kind: "pause"; ms: number }
  | { kind: "freeze" | "thaw" | "reexec" }
  /** Sends the daemon a signal and waits up to `ms` milliseconds for its end. */
  | { kind: "signal"; signal: Deno.Signal; ms: number };

export interface Sequence {
  readonly topic: string;
  /** A sentence; unique in the corpus. */
  readonly name: string;
  /** Runs as a user's session daemon (site.ts); not with the two options below. */
  readonly session?: true;
  /** Text of the configuration file given with -f. */
  readonly config?: string;
  readonly daemon?: DaemonOptions;
  readonly steps: readonly Step[];
}

export const AUTOCREATE = frames.AcquireFlag.autocreate;
export const SHARED = frames.AcquireFlag.shared;
/** A lockspace directory that no sequence finds there at the start. */
export const LS = "/srv/ls";

/** Owner pids above any pid_max of a 32-bit default; nobody by that number is ever connected. */
export const somePid = { a: 70001, b: 70002, c: 70003 };

export interface OwnerOptions {
  readonly pid?: number;
  readonly id?: number;
  readonly name?: frames.Text;
  readonly uuid?: Uint8Array;
  readonly flags?: number;
}

/** What one client does; every call gets the next serial of its connection. */
export class ScriptClient {
  #serial = 0;

  constructor(readonly name: string, readonly steps: Step[], readonly process?: string) {}

  register({ pid, ...options }: OwnerOptions = {}): this {
    const { id = 1, name = "guest", uuid = frames.someUuid, flags = 0 } = options;
    const owner = (given: number): Uint8Array =>
      frames.registerArguments({ uuid, name, id, pid: given }, flags);
    const process = this.process;
    if (pid !== undefined || process === undefined) {
      return this.call("REGISTER", owner(pid ?? somePid.a));
    }
    const header = this.#header("REGISTER");
    const bytes: Payload = (pidOf) => frames.frame(header, owner(pidOf(process)));
    return this.#add({ kind: "call", client: this.name, label: "REGISTER", bytes });
  }

  restrict(flags = 0): this {
    return this.call("RESTRICT", frames.u32(flags));
  }

  newLockspace(path: frames.Text = LS, flags = 0): this {
    return this.call("NEW", frames.pathArguments(path, flags));
  }

  createLockspace(path: frames.Text = LS): this {
    return this.call("CREATE_LOCKSPACE", frames.pathArguments(path));
  }

  create(path: frames.Text, name: frames.Text, flags = 0): this {
    return this.call("CREATE_RESOURCE", frames.resourceArguments(path, name, flags));
  }

  delete(path: frames.Text, name: frames.Text, flags = 0): this {
    return this.call("DELETE_RESOURCE", frames.resourceArguments(path, name, flags));
  }

  acquire(path: frames.Text, name: frames.Text, flags = 0): this {
    return this.call("ACQUIRE_RESOURCE", frames.resourceArguments(path, name, flags));
  }

  release(path: frames.Text, name: frames.Text, flags = 0): this {
    return this.call("RELEASE_RESOURCE", frames.resourceArguments(path, name, flags));
  }

  /** A lock call with these argument bytes and, if given, other words in its header. */
  call(
    procedure: frames.LockProcedure | number,
    payload: Uint8Array,
    changes: Partial<frames.Header> = {},
  ): this {
    const bytes = frames.frame(this.#header(procedure, changes), payload);
    return this.raw(String(procedure), bytes);
  }

  /** The bytes of a lock call, for sending in pieces or many at once. */
  encode(procedure: frames.LockProcedure, payload: Uint8Array): Uint8Array {
    return frames.frame(this.#header(procedure), payload);
  }

  ping(): this {
    return this.raw("PING", frames.ping);
  }

  /** Sends any bytes and waits for an answer, the end or silence. */
  raw(label: string, bytes: Payload): this {
    return this.#add({ kind: "call", client: this.name, label, bytes });
  }

  /** Sends any bytes and waits for nothing. */
  send(bytes: Payload): this {
    return this.#add({ kind: "send", client: this.name, bytes });
  }

  /** `ms`: how long to wait for the frames at most. */
  receive(count = 1, ms = 8000): this {
    return this.#add({ kind: "receive", client: this.name, count, ms });
  }

  passDescriptors(count: number): this {
    const process = this.process;
    if (process === undefined) throw new Error("only a client process can pass descriptors");
    return this.#add({ kind: "passDescriptors", client: this.name, process, count });
  }

  halfClose(): this {
    return this.#add({ kind: "halfClose", client: this.name });
  }

  close(): this {
    return this.#add({ kind: "close", client: this.name });
  }

  #header(
    procedure: frames.LockProcedure | number,
    changes: Partial<frames.Header> = {},
  ): frames.Header {
    return frames.callHeader(procedure, ++this.#serial, changes);
  }

  #add(step: Step): this {
    this.steps.push(step);
    return this;
  }
}

/** A process beside the test process, as a guest or as an unrelated program. */
export class ScriptProcess {
  constructor(readonly name: string, readonly script: Script) {}

  /** A connection whose peer pid is this process; registers as owner itself unless told not to. */
  client(name: string): ScriptClient {
    return this.script.connect(name, "lock", this.name);
  }

  guest(name: string): ScriptClient {
    return this.client(name).register();
  }

  ignoreTerm(): this {
    return this.#command("ignore-term");
  }

  /** fcntl(F_SETLK) on `length` bytes from `start`. */
  lock(path: string, access: "r" | "w", start = 0, length = 1): this {
    return this.#command(`lock ${path} ${access} ${start} ${length}`);
  }

  lease(path: string, access: "r" | "w"): this {
    return this.#command(`lease ${path} ${access}`);
  }

  drop(path: string): this {
    return this.#command(`drop ${path}`);
  }

  /** A child that shares every connection. */
  fork(): this {
    this.script.add({ kind: "fork", process: this.name });
    return this;
  }

  kill(): this {
    this.script.add({ kind: "kill", process: this.name });
    return this;
  }

  /** Waits for the end of the process and notes how and when it came. */
  ended(): this {
    this.script.add({ kind: "ended", process: this.name });
    return this;
  }

  #command(line: string): this {
    this.script.add({ kind: "command", process: this.name, line });
    return this;
  }
}

export class Script {
  readonly steps: Step[] = [];

  add(step: Step): void {
    this.steps.push(step);
  }

  connect(name: string, socket: "lock" | "admin" = "lock", process?: string): ScriptClient {
    const holder = process === undefined ? {} : { process };
    this.add({ kind: "connect", client: name, socket, ...holder });
    return new ScriptClient(name, this.steps, process);
  }

  /** A connection of the test process that has registered as owner `pid`. */
  owner(name: keyof typeof somePid, options: OwnerOptions = {}): ScriptClient {
    return this.connect(name).register({ pid: somePid[name], ...options });
  }

  /** Client "a", registered, with the lockspace LS made. */
  withLockspace(path: frames.Text = LS): ScriptClient {
    return this.owner("a").newLockspace(path);
  }

  process(name: string, options: ProcessOptions = {}): ScriptProcess {
    this.add({ kind: "process", process: name, ...options });
    return new ScriptProcess(name, this);
  }

  file(path: string, content = "", mode = 0o644): void {
    this.add({ kind: "file", path, content, mode });
  }

  directory(path: string, mode = 0o755): void {
    this.add({ kind: "directory", path, mode });
  }

  symlink(target: string, path: string): void {
    this.add({ kind: "symlink", from: target, to: path });
  }

  hardLink(existing: string, path: string): void {
    this.add({ kind: "hardLink", from: existing, to: path });
  }

  device(path: string): void {
    this.add({ kind: "device", path });
  }

  rename(from: string, to: string): void {
    this.add({ kind: "rename", from, to });
  }

  remove(path: string): void {
    this.add({ kind: "remove", path });
  }

  chmod(path: string, mode: number): void {
    this.add({ kind: "chmod", path, mode });
  }

  /** Makes `path`, an existing folder, read-only, or a file system without room for a new file. */
  mount(path: string, what: "read-only" | "full"): void {
    this.add({ kind: "mount", path, what });
  }

  /** Notes locks and files at this point. */
  observe(label: string): void {
    this.add({ kind: "observe", label });
  }

  freed(path: string): void {
    this.add({ kind: "freed", path });
  }

  settle(): void {
    this.add({ kind: "settle" });
  }

  pause(ms: number): void {
    this.add({ kind: "pause", ms });
  }

  /** SIGSTOP: what is sent meanwhile is there all at once when the daemon goes on. */
  freeze(): void {
    this.add({ kind: "freeze" });
  }

  thaw(): void {
    this.add({ kind: "thaw" });
  }

  reexec(): void {
    this.add({ kind: "reexec" });
  }

  /** Sends the daemon a signal that may end it, and may need time for that. */
  signal(signal: Deno.Signal, ms = 8000): void {
    this.add({ kind: "signal", signal, ms });
  }
}

export type SequenceOptions = Pick<Sequence, "session" | "config" | "daemon">;

/** Collects the sequences of one topic. */
export class Topic {
  readonly sequences: Sequence[] = [];

  constructor(readonly title: string) {}

  sequence(name: string, tell: (script: Script) => void, options: SequenceOptions = {}): void {
    const script = new Script();
    tell(script);
    this.sequences.push({ topic: this.title, name, steps: script.steps, ...options });
  }
}
