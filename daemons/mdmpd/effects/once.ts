/** `--once`: looks at every array, tests every failed path, reports and ends. Nothing is put back. */
import { processId } from "../../../ffi/process.ts";
import type { Program } from "../../../src/host/program.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { STDOUT, writeText } from "../../../src/host/standard.ts";
import { VERSION } from "../../../src/host/version.ts";
import type { Places } from "../places.ts";
import { Core } from "./core.ts";
import { Reporter } from "./reporter.ts";
import type { RunSettings } from "./settings.ts";
import { loadMemory } from "./state_file.ts";
import { statusOf } from "./status.ts";
import { statusText } from "./status_command.ts";

/** One turn of the loop: long enough that nothing is asked for too often. */
const TURN_MS = 1_000;

export function runOnce(
  program: Program,
  settings: RunSettings,
  places: Places,
  json: boolean,
): void {
  const reactor = new Reactor();
  const policy = { ...settings.policy, dryRun: true, operatorHoldMs: 0 };
  const memory = loadMemory(places.stateFile);
  const core = new Core(
    reactor,
    program,
    { ...settings, policy },
    memory,
    new Reporter(undefined),
    { touch: () => {}, save: () => {} },
  );
  core.refresh();
  // Failed paths that are met for the first time are due at once.
  do reactor.turn(TURN_MS); while (
    core.children.waiting > 0 || core.machine.nextDueMs() <= reactor.now()
  );
  const about = { version: VERSION, pid: processId(), sandbox: "none, for --once" };
  const status = statusOf(core, about, reactor.now());
  writeText(STDOUT, json ? `${JSON.stringify(status)}\n` : statusText(status));
  core.close();
}
