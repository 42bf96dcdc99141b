/** What every fault test begins with: a lab, our daemon in it, and a reason where there can be neither. */
import { Lab, type LabOptions } from "../../native/virtlockd/lab.ts";
import { type Daemon, type DaemonOptions, ownDaemon } from "../../native/virtlockd/lab_daemon.ts";

/** The lockspace of the fault tests. */
export const LEASES = "/srv/leases";

export interface Stage extends AsyncDisposable {
  readonly lab: Lab;
  readonly daemon: Daemon;
}

export interface StageOptions extends DaemonOptions, LabOptions {
  /** Ours unless given. */
  readonly binary?: string;
}

/** A lab in which the daemon serves. */
export async function setStage(options: StageOptions = {}): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open(options));
  const daemon = await lab.start(options.binary ?? ownDaemon(), options);
  const moved = stack.move();
  return { lab, daemon, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

export async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Why a test that needs root, our daemon and these programs cannot run here; undefined if it can. */
export async function obstacle(...programs: readonly string[]): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "needs root";
  for (const program of [ownDaemon(), ...programs]) {
    if (!await exists(program)) return `${program} is not there`;
  }
  return undefined;
}

/** Registers a test, or says why it is skipped. */
export function register(
  name: string,
  reason: string | undefined,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  if (reason !== undefined) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn });
}
