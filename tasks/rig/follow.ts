/** Reads a file while another process appends to it. */

/** Hands on the lines of one file as they become whole. */
export class Follower {
  #offset = 0;
  #rest = "";
  readonly #decoder = new TextDecoder();

  constructor(readonly path: string, readonly onLine: (line: string) => void) {}

  /** Reads what has come since the last call. The file need not be there yet. */
  async poll(): Promise<void> {
    const text = this.#rest + await this.#newText();
    const lines = text.split("\n");
    this.#rest = lines.pop() ?? "";
    lines.forEach(this.onLine);
  }

  async #newText(): Promise<string> {
    try {
      using file = await Deno.open(this.path);
      await file.seek(this.#offset, Deno.SeekMode.Start);
      const bytes = new Uint8Array(await new Response(file.readable).arrayBuffer());
      this.#offset += bytes.length;
      return this.#decoder.decode(bytes, { stream: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }
}

const POLL_MS = 50;

/** Polls until `done`, and once more. */
export async function followUntil(
  followers: readonly Follower[],
  done: Promise<unknown>,
): Promise<void> {
  for (let going = true; going;) {
    going = await isPending(done, POLL_MS);
    for (const follower of followers) await follower.poll();
  }
}

/** Waits for a promise, but no longer than `ms`; resolves to whether it is still pending. */
async function isPending(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: timeout, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), ms);
  try {
    return await Promise.race([promise.then(() => false), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
