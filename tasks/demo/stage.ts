/** The narrator of the demo: what happens, what it shows, and whether it was so. */

const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const GREEN = "\x1b[32m";
const RED = "\x1b[31m";
const PLAIN = "\x1b[0m";

function colour(code: string, text: string): string {
  return Deno.stdout.isTerminal() && !Deno.noColor ? `${code}${text}${PLAIN}` : text;
}

/** A line's time on stage: long enough to be read as it comes. */
const BEAT_MS = 350;

function beat(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, BEAT_MS));
}

/** One claim of the demo, and whether it was seen to hold. */
export interface Claim {
  readonly text: string;
  readonly held: boolean;
}

export class Stage {
  readonly claims: Claim[] = [];
  readonly #began = performance.now();

  #time(): string {
    return colour(DIM, `${((performance.now() - this.#began) / 1000).toFixed(1).padStart(5)} s `);
  }

  async act(title: string): Promise<void> {
    console.log(`\n${colour(BOLD, title)}`);
    await beat();
  }

  /** Why the next thing matters. */
  async why(text: string): Promise<void> {
    console.log(colour(DIM, `        ${text}`));
    await beat();
  }

  async happens(text: string): Promise<void> {
    console.log(`${this.#time()} ${text}`);
    await beat();
  }

  /** Checks a claim before the audience. */
  async shows(text: string, held: boolean): Promise<void> {
    this.claims.push({ text, held });
    console.log(`${this.#time()} ${held ? colour(GREEN, "✓") : colour(RED, "✗")} ${text}`);
    await beat();
  }

  /** The closing table; true when every claim held. */
  close(): boolean {
    const failed = this.claims.filter(({ held }) => !held);
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    console.log(
      `\n${
        this.claims.length - failed.length
      } of ${this.claims.length} claims held, in ${seconds} s.`,
    );
    for (const { text } of failed) console.log(`  ${colour(RED, "✗")} ${text}`);
    return failed.length === 0;
  }
}
