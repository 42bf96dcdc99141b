/** A helper program that does what a line on its standard input says, and answers each by a line. */
export class LineHelper implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #commands: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  #text = "";

  /** `child`: with pipes for its three streams. */
  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#commands = child.stdin.getWriter();
    this.#answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Returns once the helper has said that it is ready. Ends it and throws an Error with what it says instead, behind `failure`. */
  async ready(failure: string): Promise<void> {
    const answer = await this.#answer();
    if (answer === "ready") return;
    await this[Symbol.asyncDispose]();
    throw new Error(`${failure}: ${answer}`);
  }

  /** The words of the answer to a line, behind the first. */
  async ask(line: string): Promise<string[]> {
    await this.#commands.write(new TextEncoder().encode(`${line}\n`));
    return (await this.#answer()).split(" ").slice(1);
  }

  async #answer(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) return `(ended) ${this.#text}`;
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  /** Closes its input, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commands.close().catch(() => {});
    await this.#answers.cancel();
    await this.#child.stderr.cancel();
    await this.#child.status;
  }
}
