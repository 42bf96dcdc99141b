/** The program: what its command line asks for, and its exit code. */
import { effectiveUserId } from "../../../ffi/process.ts";
import { type CommandLine, parseCommandLine } from "../../../src/host/cli.ts";
import { reportConfig } from "../../../src/host/config_file.ts";
import {
  errorText,
  EX_CONFIG,
  EX_OK,
  EX_SOFTWARE,
  EX_USAGE,
  ExitError,
} from "../../../src/host/exit.ts";
import { helpText } from "../../../src/host/help.ts";
import { ReadyHandshake } from "../../../src/host/lifecycle.ts";
import { type Program, thisProgram } from "../../../src/host/program.ts";
import { STDERR, STDOUT, writeText } from "../../../src/host/standard.ts";
import { VERSION } from "../../../src/host/version.ts";
import { manifest } from "../manifest.ts";
import { type Places, placesFor } from "../places.ts";
import { HOOK_ARGUMENT, runHookHelper } from "./hook_helper.ts";
import { CONFIG, configFileOf, eventProgramOf } from "./settings.ts";
import { runDaemon } from "./start.ts";
import { statusCommand } from "./status_command.ts";
import { runTester, TESTER_ARGUMENT } from "./tester.ts";

/** What the waiting parent of a daemon in the background is told; it knows codes below 10 only. */
const HANDSHAKE_FAILED = 1;

/** Runs the program; its exit code. */
export function runProgram(): number {
  const program = thisProgram();
  const [role, ...args] = program.args;
  if (role === TESTER_ARGUMENT) {
    runTester();
    return EX_OK;
  }
  return role === HOOK_ARGUMENT ? helpHook(program, args) : runCommand(program);
}

/** The helper finds the event program where the daemon does, in `args` or the configuration; the exit code. */
function helpHook(program: Program, args: readonly string[]): number {
  const line = parseCommandLine(manifest, args, program.environment.has("POSIXLY_CORRECT"));
  try {
    runHookHelper(program, eventProgramOf(line, placesOf(program)));
    return EX_OK;
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    writeText(STDERR, `${program.calledAs}: ${error.message}\n`);
    return error.code;
  }
}

function placesOf({ environment }: Program): Places {
  return placesFor(effectiveUserId() === 0, environment);
}

function runCommand(program: Program): number {
  const handshake = new ReadyHandshake(program.environment);
  const line = parseCommandLine(manifest, program.args, program.environment.has("POSIXLY_CORRECT"));
  const places = placesOf(program);
  try {
    act(program, line, places, handshake);
    return EX_OK;
  } catch (error) {
    return fail(error, handshake, program);
  }
}

/** Says what went wrong to everybody who may be listening; the exit code. */
function fail(error: unknown, handshake: ReadyHandshake, program: Program): number {
  const text = errorText(error);
  if (text !== "") {
    if (!handshake.isChild) writeText(STDERR, `${program.calledAs}: ${text}\n`);
    handshake.say(text);
  }
  handshake.finish(HANDSHAKE_FAILED);
  return error instanceof ExitError ? error.code : EX_SOFTWARE;
}

function act(
  program: Program,
  line: CommandLine,
  places: Places,
  handshake: ReadyHandshake,
): void {
  const help = (): string => helpText(manifest, program.calledAs, effectiveUserId() !== 0);
  for (const { name } of line.given) {
    if (name === "help") return writeText(STDOUT, help());
    if (name === "version") return writeText(STDOUT, `${manifest.name} ${VERSION}\n`);
  }
  const extra = line.operands.length === 0 ? undefined : `unexpected "${line.operands[0]}"`;
  const failure = line.failure ?? extra;
  if (failure !== undefined) throw new ExitError(EX_USAGE, `${failure}\n${help()}`);
  if (line.command !== undefined) {
    return writeText(STDOUT, statusCommand(places.controlSocket, line.options.has("json")));
  }
  if (line.options.has("check-config")) {
    return reportConfig(CONFIG, configFileOf(line, places), EX_CONFIG);
  }
  runDaemon({ program, line, places, handshake });
}
