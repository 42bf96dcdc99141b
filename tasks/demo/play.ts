/** Plays acts, and leaves nothing behind, wherever it is interrupted. */
import type { Act } from "./acts.ts";
import type { Stage } from "./stage.ts";

/** Says that the audience has left. */
export class Interrupted extends Error {}

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; the second ends this process at once. */
export function interruption(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isOver = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (isOver) Deno.exit(130);
      isOver = true;
      resolve();
    });
  }
  return promise;
}

/**
 * Calls `body` with TMPDIR in a folder of its own, which goes with all that was left in it. Its name is short: sockets are made in it, and
 * the path of one has no more than 107 bytes (unix(7)).
 */
export async function inTemporaryFolder(body: () => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "hk-" });
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", folder);
  try {
    await body();
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    await Deno.remove(folder, { recursive: true });
  }
}

/** Plays an act to its end. Throws Interrupted, with all things of the act gone, where it is interrupted. */
export async function play(act: Act, stage: Stage, interrupted: Promise<void>): Promise<void> {
  await stage.begin(act.daemon, act.title);
  const stop = interrupted.then(() => {
    throw new Interrupted();
  });
  try {
    await using things = new AsyncDisposableStack();
    await Promise.race([act.play(stage, things), stop]);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    await stage.shows(`the act came to its end: ${error}`, false);
  }
  stage.end();
}
