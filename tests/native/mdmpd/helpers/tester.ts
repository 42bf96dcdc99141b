/** A tester as a process, where need be with arrays that only look like sysfs's. */
import type { Batch, Message } from "../../../../daemons/mdmpd/tester_protocol.ts";
import { parseMessage } from "../../../../daemons/mdmpd/tester_protocol.ts";
import { build } from "../../../../tasks/build.ts";

/** Makes files below a folder, their text by name. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

/** The command of a tester; `sysBlock`: a folder that it finds as /sys/block. */
export async function testerCommand(sysBlock?: string): Promise<[string, ...string[]]> {
  const program = await build("mdmpd");
  if (sysBlock === undefined) return [program, "@tester"];
  const script = `mount --bind "$1" /sys/block && exec "$2" @tester`;
  return ["unshare", "--mount", "sh", "-c", script, "sh", sysBlock, program];
}

/** One that runs; `await using` closes its input, with which it ends. */
export class Tester implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #messages: AsyncGenerator<Message>;

  constructor([program, ...args]: readonly [string, ...string[]]) {
    this.#child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#messages = messagesIn(this.#child.stdout);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async give(batch: Batch): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(batch)}\n`));
  }

  /** Its next words, up to and with one for which `isLast` holds; or to its end. */
  async hear(isLast: (message: Message) => boolean): Promise<Message[]> {
    const heard: Message[] = [];
    for (;;) {
      const { done, value } = await this.#messages.next();
      if (done) return heard;
      heard.push(value);
      if (isLast(value)) return heard;
    }
  }

  async closeInput(): Promise<void> {
    await this.#input.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.hear(() => false);
    await this.#child.status;
  }
}

async function* messagesIn(stream: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    yield* lines.flatMap((line) => parseMessage(line) ?? []);
  }
}
