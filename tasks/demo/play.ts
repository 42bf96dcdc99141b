/** Plays acts, and leaves nothing behind, wherever it is interrupted. */
import { join } from "@std/path";
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

/** The path of a socket has no more than 107 bytes (unix(7)), and the acts' stand up to 62 bytes below TMPDIR. */
const SHORT_PATH_BYTES = 45;

/** Calls `body` with TMPDIR in a folder of its own, by a short name, which goes with all that was left in it. */
export async function inTemporaryFolder(body: () => Promise<void>): Promise<void> {
  await using things = new AsyncDisposableStack();
  const folder = removedWith(things, await Deno.makeTempDir({ prefix: "hk-" }));
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", await shortNameOf(folder, things));
  try {
    await body();
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
}

function removedWith(things: AsyncDisposableStack, folder: string): string {
  things.defer(async () => await Deno.remove(folder, { recursive: true }));
  return folder;
}

/** The folder itself, or, where its path is long, a symbolic link to it. */
async function shortNameOf(folder: string, things: AsyncDisposableStack): Promise<string> {
  if (new TextEncoder().encode(folder).length <= SHORT_PATH_BYTES) return folder;
  const place = removedWith(things, await Deno.makeTempDir({ dir: "/tmp", prefix: "hk-" }));
  const name = join(place, "t");
  await Deno.symlink(folder, name);
  return name;
}

/** Plays an act to its end. Throws Interrupted, with all things of the act gone, where it is interrupted. */
export async function play(act: Act, stage: Stage, interrupted: Promise<void>): Promise<void> {
  await stage.begin(act.daemon, act.title);
  let isInterrupted = false;
  const stop = interrupted.then(() => {
    isInterrupted = true;
    throw new Interrupted();
  });
  try {
    await using things = new AsyncDisposableStack();
    await Promise.race([act.play(stage, things), stop]);
  } catch (error) {
    // Ctrl-C is heard by the act's processes, too, and they may have ended it before we heard of it.
    if (isInterrupted) throw new Interrupted();
    await stage.shows(`the act came to its end: ${error}`, false);
  }
  stage.end();
}
