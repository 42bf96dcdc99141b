/** Drives crowd.c: thousands of clients in one process. */
import { compiled } from "../../native/virtlockd/c_program.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import { LOCK_SOCKET } from "../../native/virtlockd/lab_daemon.ts";

export interface CrowdSize {
  readonly idle: number;
  readonly active: number;
}

/** How often the least and the most served client acquired and released, and how many answers were not a success. */
export interface Pairs {
  readonly least: number;
  readonly most: number;
  readonly failed: number;
}

export class Crowd implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #commands: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#commands = child.stdin.getWriter();
    this.#answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Returns once all are registered. Throws an Error with what the helper says if one cannot be. */
  static async start(lab: Lab, { idle, active }: CrowdSize): Promise<Crowd> {
    const program = await compiled("crowd", new URL("./", import.meta.url));
    const args = [LOCK_SOCKET, String(idle), String(active)];
    const crowd = new Crowd(lab.command(program, { args, stdin: "piped" }).spawn());
    const answer = await crowd.#answer();
    if (answer !== "ready") throw new Error(`the crowd does not come together: ${answer}`);
    return crowd;
  }

  /** How many idle clients were answered. */
  async pings(): Promise<number> {
    return Number((await this.#ask("pings")).split(" ")[1]);
  }

  async pairs(wanted: number): Promise<Pairs> {
    const [, least, most, failed] = (await this.#ask(`pairs ${wanted}`)).split(" ").map(Number);
    return { least, most, failed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commands.close().catch(() => {});
    await this.#answers.cancel();
    await this.#child.stderr.cancel();
    await this.#child.status;
  }

  async #ask(line: string): Promise<string> {
    await this.#commands.write(new TextEncoder().encode(`${line}\n`));
    return await this.#answer();
  }

  async #answer(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) return this.#text;
      this.#text += value;
    }
    const [line, ...rest] = this.#text.split("\n");
    this.#text = rest.join("\n");
    return line;
  }
}
