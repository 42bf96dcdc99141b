/** The program: what its command line asks for, and its exit code. */
import { type CommandLine, parseCommandLine } from "../../../src/host/cli.ts";
import { reportConfig } from "../../../src/host/config_file.ts";
import { errorText, EX_OK, ExitError } from "../../../src/host/exit.ts";
import { helpText } from "../../../src/host/help.ts";
import { ReadyHandshake } from "../../../src/host/lifecycle.ts";
import { currentOutputs, logger } from "../../../src/host/log.ts";
import { type Program, thisProgram } from "../../../src/host/program.ts";
import { STDERR, STDOUT, writeText } from "../../../src/host/standard.ts";
import { VERSION } from "../../../src/host/version.ts";
import { manifest } from "../manifest.ts";
import { CONTROL_SOCKET } from "../places.ts";
import { RUNNER_ARGUMENT, runRunner } from "./runner.ts";
import { CONFIG, configFileOf, EXIT_FAILURE, hasLog } from "./settings.ts";
import { runDaemon } from "./start.ts";
import { statusCommand } from "./status_command.ts";

/** Runs the program; its exit code. */
export function runProgram(): number {
  const program = thisProgram();
  if (program.args[0] === RUNNER_ARGUMENT) {
    runRunner();
    return EX_OK;
  }
  const handshake = new ReadyHandshake(program.environment);
  const line = parseCommandLine(manifest, program.args, program.environment.has("POSIXLY_CORRECT"));
  try {
    return act(program, line, handshake);
  } catch (error) {
    return fail(error, handshake, program);
  }
}

/** Says what went wrong to everybody who may be listening; the exit code. */
function fail(error: unknown, handshake: ReadyHandshake, program: Program): number {
  const text = errorText(error);
  if (text !== "") {
    const onStderr = hasLog() &&
      currentOutputs().some(({ destination }) => destination === "stderr");
    if (hasLog()) logger("cmannotifyd").error("{text}", { text });
    if (!onStderr) writeText(STDERR, `${program.calledAs}: ${text}\n`);
    handshake.say(text);
  }
  handshake.finish(EXIT_FAILURE);
  return error instanceof ExitError ? error.code : EXIT_FAILURE;
}

function act(program: Program, line: CommandLine, handshake: ReadyHandshake): number {
  const help = (): string => helpText(manifest, program.calledAs, false);
  for (const { name } of line.given) {
    if (name === "help") writeText(STDOUT, help());
    if (name === "version") writeText(STDOUT, versionText());
    if (name === "help" || name === "version") return EX_OK;
  }
  if (line.failure !== undefined) {
    writeText(STDERR, `${program.calledAs}: ${line.failure}\n${help()}`);
    return EXIT_FAILURE;
  }
  if (line.command !== undefined) {
    const socket = line.options.get("control-socket");
    const path = typeof socket === "string" ? socket : CONTROL_SOCKET;
    writeText(STDOUT, statusCommand(path, line.options.has("json")));
    return EX_OK;
  }
  if (line.options.has("check-config")) {
    reportConfig(CONFIG, configFileOf(line), EXIT_FAILURE);
    return EX_OK;
  }
  return runDaemon({ program, line, handshake });
}

/** No date of building: the same sources give the same program. */
function versionText(): string {
  return `cmannotifyd ${VERSION} (hostkeep)\nLicensed under the Apache Licence 2.0\n`;
}
