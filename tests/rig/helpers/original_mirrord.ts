/** The C daemon of lvm2, as tasks/bench/originals.ts builds it. In a guest only. */
import { inTime, SLOWNESS_S } from "./in_time.ts";

export class OriginalMirrord {
  static readonly log = "/run/cmirrord-original.log";
  #process: Deno.ChildProcess | undefined;

  constructor(private readonly path: string) {}

  /** Starts it in the foreground and waits until it has its lock file. */
  async start(): Promise<boolean> {
    const command = `exec ${this.path} -f >>${OriginalMirrord.log} 2>&1`;
    this.#process = new Deno.Command("sh", { args: ["-c", command] }).spawn();
    const { pid } = this.#process;
    return await inTime(SLOWNESS_S, () => lockHolder() === pid);
  }

  /** SIGTERM; the exit code, or -1 when it does not end. */
  async stop(): Promise<number> {
    this.#process?.kill("SIGTERM");
    const late = new Promise<number>((resolve) =>
      setTimeout(() => resolve(-1), 1_000 * SLOWNESS_S)
    );
    const status = this.#process?.status.then(({ code }) => code) ?? Promise.resolve(-1);
    return await Promise.race([status, late]);
  }

  text(): string {
    return Deno.readTextFileSync(OriginalMirrord.log);
  }
}

/** What stands in the lock file; NaN where there is none. */
function lockHolder(): number {
  try {
    return parseInt(Deno.readTextFileSync("/run/cmirrord.pid"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return NaN;
    throw error;
  }
}
