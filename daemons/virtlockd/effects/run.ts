/** The program: what its command line asks for, and its exit code. */
import { compileCalls } from "../../../ffi/open.ts";
import { effectiveUserId } from "../../../ffi/process.ts";
import { type CommandLine, parseCommandLine } from "../../../src/host/cli.ts";
import { reportConfig } from "../../../src/host/config_file.ts";
import { errorText, EX_OK, ExitError } from "../../../src/host/exit.ts";
import { helpText } from "../../../src/host/help.ts";
import { ReadyHandshake } from "../../../src/host/lifecycle.ts";
import { currentOutputs, logger } from "../../../src/host/log.ts";
import { type Program, thisProgram } from "../../../src/host/program.ts";
import { STDERR, STDOUT, writeText } from "../../../src/host/standard.ts";
import { VERSION } from "../../../src/host/version.ts";
import { logSettingProblem } from "../log_settings.ts";
import { manifest } from "../manifest.ts";
import { type Places, placesFor } from "../places.ts";
import { configFileOf, EXIT_SETTINGS } from "./settings.ts";
import { runDaemon } from "./start.ts";
import { statusCommand } from "./status_command.ts";

/** The libvirt release whose options, protocol and state this daemon has. */
const LIBVIRT_RELEASE = "9.0.0";

interface Invocation {
  readonly program: Program;
  readonly line: CommandLine;
  readonly places: Places;
  readonly handshake: ReadyHandshake;
}

/** Runs the program; its exit code. */
export function runProgram(): number {
  compileCalls();
  const program = thisProgram();
  const handshake = new ReadyHandshake(program.environment);
  const line = parseCommandLine(manifest, program.args, program.environment.has("POSIXLY_CORRECT"));
  const places = placesFor(effectiveUserId() === 0, program.environment);
  try {
    act({ program, line, places, handshake });
    return EX_OK;
  } catch (error) {
    return fail(error, handshake, program);
  }
}

/** Says what went wrong to everybody who may be listening; the exit code. */
function fail(error: unknown, handshake: ReadyHandshake, program: Program): number {
  const known = error instanceof ExitError;
  const text = errorText(error);
  const code = known ? error.code : EXIT_SETTINGS;
  if (text !== "") {
    const onStderr = currentOutputs().some(({ destination }) => destination === "stderr");
    if (known && code < 64) logger("locking", "lock_daemon").error("{text}", { text });
    if (!known || code >= 64 || !onStderr) writeText(STDERR, `${program.calledAs}: ${text}\n`);
    handshake.say(text);
  }
  handshake.finish(code);
  return code;
}

function act(invocation: Invocation): void {
  const { program, line, places, handshake } = invocation;
  const session = effectiveUserId() !== 0;
  for (const { name } of line.given) {
    if (name === "help") return writeText(STDERR, helpText(manifest, program.calledAs, session));
    if (name === "version") return writeText(STDOUT, versionText(program.calledAs));
  }
  if (line.failure !== undefined) {
    const usage = helpText(manifest, program.calledAs, session);
    writeText(STDERR, `${program.calledAs}: ${line.failure}\n${usage}`);
    throw new ExitError(EXIT_SETTINGS);
  }
  if (line.command !== undefined) {
    return writeText(STDOUT, statusCommand(places.controlSocket, line.options.has("json")));
  }
  if (line.options.has("check-config")) {
    const rules = { keys: manifest.configKeys, problemOf: logSettingProblem };
    return reportConfig(rules, configFileOf(line, places), EXIT_SETTINGS);
  }
  runDaemon({ program, line, places, version: VERSION, handshake });
}

function versionText(calledAs: string): string {
  return `${calledAs} (libvirt) ${LIBVIRT_RELEASE}\n`;
}
