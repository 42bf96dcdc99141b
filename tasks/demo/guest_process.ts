/** The other end of guest.ts: starts one and gives it orders. */
import type { Order, Report } from "./guest.ts";

export class GuestProcess {
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reports: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.pid = process.pid;
    this.#writer = process.stdin.getWriter();
    this.#reports = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts a guest, connects it to a socket and registers it. Throws an Error with the daemon's text. */
  static async start(socket: string, name: string): Promise<GuestProcess> {
    const program = new URL("./guest.ts", import.meta.url).pathname;
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "-A", program, socket],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const guest = new GuestProcess(process);
    const { error } = await guest.order({ do: "register", name });
    if (error !== undefined) throw new Error(error);
    return guest;
  }

  async order(order: Order): Promise<Report> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
    return JSON.parse(await this.#line()) as Report;
  }

  async #line(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#reports.read();
      if (done) throw new Error(`guest ${this.pid} has ended`);
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  /** kill −9, and waits until it is dead. */
  async kill(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#process.status;
    await this.#reports.cancel();
  }
}
