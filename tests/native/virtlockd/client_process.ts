/** Clients in processes of their own; see client_process.c for what they can do and why. */
import type { Lab } from "./lab.ts";
import { type Connection, Inbox } from "./client.ts";
import { fromHex, toHex } from "./client_frames.ts";

let compiled: Promise<string> | undefined;

/** Compiles the helper with cc, once per test process; throws an Error with cc's messages. */
function helper(): Promise<string> {
  return compiled ??= compile();
}

async function compile(): Promise<string> {
  const source = new URL("client_process.c", import.meta.url).pathname;
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-client-" });
  await Deno.chmod(folder, 0o755);
  const program = `${folder}/client_process`;
  const args = ["-O1", "-Wall", "-Wextra", "-Werror", "-o", program, source];
  const { success, stderr } = await new Deno.Command("cc", { args }).output();
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return program;
}

export interface ProcessOptions {
  readonly uid?: number;
  /** Stays a zombie when it dies: its parent never waits for it. */
  readonly unreaped?: boolean;
}

/** `null` while it lives, else `exit CODE` or the signal's name or number. */
export type Fate = string | null;

export class ClientProcess implements AsyncDisposable {
  /** The pid SO_PEERCRED shows for its connections. */
  pid = 0;
  fate: Fate = null;
  readonly #child: Deno.ChildProcess;
  readonly #commands: WritableStreamDefaultWriter<Uint8Array>;
  readonly #inboxes = new Map<string, Inbox>();
  readonly #forked: number[] = [];
  readonly #reading: Promise<void>;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #answer: PromiseWithResolvers<string> | undefined;

  private constructor(child: Deno.ChildProcess, unreaped: boolean) {
    this.#child = child;
    this.#commands = child.stdin.getWriter();
    this.#reading = this.#read();
    if (!unreaped) this.#watch();
  }

  static async start(lab: Lab, options: ProcessOptions = {}): Promise<ClientProcess> {
    const { unreaped = false, uid } = options;
    const args = unreaped ? ["unreaped"] : [];
    const user = uid === undefined ? {} : { uid };
    const command = lab.command(await helper(), { args, ...user, stdin: "piped" });
    const process = new ClientProcess(command.spawn(), unreaped);
    await process.#started.promise;
    return process;
  }

  /** Throws an Error naming the errno if the socket refuses. */
  async connect(name: string, path: string): Promise<Connection> {
    const inbox = new Inbox();
    this.#inboxes.set(name, inbox);
    const answer = await this.command(`open ${name} ${path}`);
    if (answer.startsWith("error")) throw new Error(answer);
    return {
      inbox,
      send: async (bytes) => void await this.command(`send ${name} ${toHex(bytes)}`),
      halfClose: async () => void await this.command(`half ${name}`),
      close: async () => void await this.command(`close ${name}`),
    };
  }

  /** Sends one line to the helper and gives its answer; "gone" if the process has ended. */
  async command(line: string): Promise<string> {
    if (this.fate !== null) return "gone";
    const answer = this.#answer = Promise.withResolvers<string>();
    await this.#commands.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
    return await Promise.race([answer.promise, this.#ended.promise.then(() => "gone")]);
  }

  /** A child that keeps every open socket; ends with `stop`. */
  async fork(): Promise<number> {
    const pid = Number((await this.command("fork")).split(" ")[1]);
    this.#forked.push(pid);
    return pid;
  }

  /** Resolves when the process has ended, or after `ms` milliseconds. */
  async endWithin(ms: number): Promise<Fate> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([this.#ended.promise, promise]);
    clearTimeout(timer);
    return this.fate;
  }

  kill(signal: Deno.Signal): void {
    if (this.fate === null) Deno.kill(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#forked) tryKill(pid);
    this.kill("SIGKILL");
    await this.#commands.close().catch(() => {});
    await this.#child.stderr.cancel();
    await Promise.all([this.#child.status, this.#reading]);
  }

  /** The end of a process is noted after everything it had to say. */
  async #watch(): Promise<void> {
    const [status] = await Promise.all([this.#child.status, this.#reading]);
    this.#end(nameOf(status));
  }

  #end(fate: string): void {
    this.fate = fate;
    this.#ended.resolve();
  }

  async #read(): Promise<void> {
    let text = "";
    for await (const piece of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + piece).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#hear(line.split(" "));
    }
    for (const inbox of this.#inboxes.values()) inbox.end();
  }

  #hear(words: string[]): void {
    const [event, first, second] = words;
    if (event === "data") this.#inboxes.get(first)?.push(fromHex(second));
    else if (event === "eof") this.#inboxes.get(first)?.end();
    else if (event === "fate") this.#end(`signal ${first}, zombie`);
    else if (event === "pid") {
      this.pid = Number(first);
      this.#started.resolve();
    } else this.#answer?.resolve(words.join(" "));
  }
}

function nameOf(status: Deno.CommandStatus): string {
  return status.signal ?? `exit ${status.code}`;
}

function tryKill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
