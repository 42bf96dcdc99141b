/** The narrator of the demo: what happens, what it shows, and whether it was so. */
import { ActRecorder } from "./record.ts";
import { type ActRecord, claimsOf, type LineKind, type Recording } from "./recording.ts";

const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const GREEN = "\x1b[32m";
const RED = "\x1b[31m";
const PLAIN = "\x1b[0m";

function colour(code: string, text: string): string {
  return Deno.stdout.isTerminal() && !Deno.noColor ? `${code}${text}${PLAIN}` : text;
}

/** A line's time on stage, where somebody watches: long enough to be read as it comes. */
const BEAT_MS = Deno.stdout.isTerminal() ? 350 : 0;

function beat(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, BEAT_MS));
}

export class Stage {
  readonly acts: ActRecord[] = [];
  readonly #began = performance.now();
  /** When the demo began. */
  readonly date = new Date();
  #act = new ActRecorder("", "", 0);

  /** Seconds since the demo began. */
  now(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** Seconds since the demo began, of milliseconds since the epoch. */
  at(epochMs: number): number {
    return (epochMs - this.date.getTime()) / 1000;
  }

  /** Where what the act measures is taken down. */
  get recorder(): ActRecorder {
    return this.#act;
  }

  /** Begins a daemon's act. */
  async begin(daemon: string, title: string): Promise<void> {
    this.#act = new ActRecorder(daemon, title, this.now());
    console.log(`\n${colour(BOLD, `${daemon}: ${title}`)}`);
    await beat();
  }

  /** Ends the act. */
  end(): void {
    this.acts.push(this.#act.record(this.now()));
  }

  /** Says why the act cannot be played. */
  async leaveOut(reason: string): Promise<void> {
    this.#act.leftOut = reason;
    await this.why(`left out: ${reason}`);
  }

  /** Begins a part of the act. */
  async part(title: string, at = this.now()): Promise<void> {
    await this.#tell("part", title, at, `\n${colour(BOLD, title)}`);
  }

  /** Why the next thing matters. */
  async why(text: string, at = this.now()): Promise<void> {
    await this.#tell("why", text, at, colour(DIM, `        ${text}`));
  }

  async happens(text: string, at = this.now()): Promise<void> {
    await this.#tell("happens", text, at, `${time(at)} ${text}`);
  }

  /** A line of a program's output. */
  async shown(text: string, at = this.now()): Promise<void> {
    await this.#tell("shown", text, at, `          ${text}`);
  }

  /** Checks a claim before the audience. */
  async shows(text: string, held: boolean, at = this.now()): Promise<void> {
    this.#act.line({ at, kind: "shows", text, held });
    console.log(`${time(at)} ${held ? colour(GREEN, "✓") : colour(RED, "✗")} ${text}`);
    await beat();
  }

  async #tell(kind: LineKind, text: string, at: number, shown: string): Promise<void> {
    this.#act.line({ at, kind, text });
    console.log(shown);
    await beat();
  }

  /** What the report is drawn from. */
  recording(): Recording {
    const processors = `${navigator.hardwareConcurrency} processors`;
    return {
      date: this.date.toISOString().replace(/\.\d+Z$/, "Z"),
      machine: `${processors}, Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}`,
      seconds: this.now(),
      acts: this.acts,
    };
  }

  /** The closing table; true when every claim held. */
  close(): boolean {
    console.log(`\n${colour(BOLD, "What was seen")}`);
    for (const act of this.acts) console.log(`  ${row(act)}`);
    const claims = this.acts.flatMap(claimsOf);
    const failed = claims.filter(({ held }) => !held);
    console.log(
      `\n${claims.length - failed.length} of ${claims.length} claims held, in ${
        this.now().toFixed(1)
      } s.`,
    );
    for (const { text } of failed) console.log(`  ${colour(RED, "✗")} ${text}`);
    return failed.length === 0;
  }
}

function time(at: number): string {
  return colour(DIM, `${at.toFixed(1).padStart(5)} s `);
}

/** A line of the closing table. */
function row(act: ActRecord): string {
  const claims = claimsOf(act);
  const held = claims.filter(({ held }) => held).length;
  const outcome = act.leftOut === undefined ? `${held} of ${claims.length} claims` : "left out";
  const seconds = `${(act.to - act.from).toFixed(1)} s`;
  return `${act.daemon.padEnd(12)} ${outcome.padEnd(16)} ${seconds.padStart(8)}  ${act.title}`;
}
