/** Runs one test file in a `deno test` process, in a session of its own, so that it can be killed with all it started. */
import { dirname, join } from "@std/path";
import { root } from "../toolchain.ts";
import { parseJunit } from "./junit.ts";
import { fileResult, type Result } from "./result.ts";

const denoTest = [
  "test",
  "-A",
  "--no-check", // types are a check of their own
  "--lock=deno.lock",
  "--v8-flags=--stack-size=4000",
];

/** The folders of the sessions that are running, by the process that leads each. */
const running = new Map<number, string>();

/** Runs the tests of `file`, a path relative to the checkout, for at most `limitSeconds`. */
export async function runFile(file: string, limitSeconds: number): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-test-" });
  const [junit, log] = [join(folder, "junit.xml"), join(folder, "log")];
  const began = performance.now();
  try {
    const { success, killed } = await runSession(file, junit, log, limitSeconds);
    const ending = {
      file,
      success,
      ...(killed && { limitSeconds }),
      seconds: (performance.now() - began) / 1000,
      output: await readIfThere(log),
    };
    return fileResult(ending, parseJunit(await readIfThere(junit)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * The log is a file: a pipe would stay open for as long as anything that a test left behind. setpriv has the session die with us
 * when we cannot kill it any more, and with it the machines of the rig.
 */
async function runSession(
  file: string,
  junit: string,
  log: string,
  limitSeconds: number,
): Promise<{ success: boolean; killed: boolean }> {
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      'command -v setpriv >/dev/null && set -- setpriv --pdeathsig KILL "$@"; exec "$@" >"$LOG" 2>&1',
      "sh",
      Deno.execPath(),
      ...denoTest,
      `--junit-path=${junit}`,
      file,
    ],
    cwd: root,
    // Test workers get 2 MiB of stack, less than --stack-size promises V8.
    env: { LOG: log, NO_COLOR: "1", RUST_BACKTRACE: "0", RUST_MIN_STACK: "8388608" },
    stdin: "null",
    detached: true,
  }).spawn();
  running.set(child.pid, dirname(log));
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    killSession(child.pid);
  }, limitSeconds * 1000);
  const { success } = await child.status;
  clearTimeout(timer);
  killSession(child.pid);
  running.delete(child.pid);
  return { success, killed };
}

/** Kills the process group of a session, if anything is left of it. */
function killSession(leader: number): void {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Kills every test that is running: what Ctrl-C must do, since sessions of their own do not hear it. */
export function killAll(): void {
  for (const [leader, folder] of running) {
    killSession(leader);
    Deno.removeSync(folder, { recursive: true });
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
