/** The program: what its command line asks for, and its exit code. */
import { compileCalls } from "../../../ffi/open.ts";
import { type CommandLine, parseCommandLine } from "../../../src/host/cli.ts";
import { reportConfig } from "../../../src/host/config_file.ts";
import { errorText, EX_OK, ExitError } from "../../../src/host/exit.ts";
import { helpText } from "../../../src/host/help.ts";
import { ReadyHandshake } from "../../../src/host/lifecycle.ts";
import { logger } from "../../../src/host/log.ts";
import { type Program, thisProgram } from "../../../src/host/program.ts";
import { STDERR, STDOUT, writeText } from "../../../src/host/standard.ts";
import { VERSION } from "../../../src/host/version.ts";
import { manifest } from "../manifest.ts";
import { CONTROL_SOCKET } from "../places.ts";
import { CONFIG, configFileOf, EXIT_FAILURE, EXIT_LOCKED } from "./settings.ts";
import { runDaemon } from "./start.ts";
import { statusCommand } from "./status_command.ts";
import { tableCommand } from "./table_command.ts";

/** The words of the original, and a line for each thing that it did not have. */
const USAGE = [
  "Usage: cmirrord [options]",
  "   -f, --foreground    stay in the foreground, log to the terminal",
  "   -h, --help          print this help",
  "",
].join("\n");

/** Runs the program; its exit code. */
export function runProgram(): number {
  compileCalls();
  const program = thisProgram();
  const handshake = new ReadyHandshake(program.environment);
  const line = parseCommandLine(manifest, program.args, program.environment.has("POSIXLY_CORRECT"));
  try {
    return act(program, line, handshake);
  } catch (error) {
    return fail(error, handshake);
  }
}

/** Says what went wrong to everybody who may be listening; the exit code. */
function fail(error: unknown, handshake: ReadyHandshake): number {
  const text = errorText(error);
  if (text !== "") {
    if (handshake.isChild) logger(manifest.name).error("{text}", { text });
    else writeText(STDERR, `${text}\n`);
  }
  const code = error instanceof ExitError ? error.code : EXIT_FAILURE;
  handshake.finish(code < 10 ? code : EXIT_FAILURE);
  return code;
}

function act(program: Program, line: CommandLine, handshake: ReadyHandshake): number {
  for (const { name } of line.given) {
    if (name === "help") {
      writeText(STDOUT, `${USAGE}\n${helpText(manifest, program.calledAs, false)}`);
    }
    if (name === "version") writeText(STDOUT, `${manifest.name} (hostkeep) ${VERSION}\n`);
    if (name === "help" || name === "version") return EX_OK;
  }
  const isExtra = line.operands.length > 0 && line.command?.name !== "table";
  if (line.failure !== undefined || isExtra) {
    writeText(STDERR, USAGE);
    return EXIT_LOCKED;
  }
  if (line.command?.name === "status") {
    writeText(STDOUT, statusCommand(CONTROL_SOCKET, line.options.has("json")));
    return EX_OK;
  }
  if (line.command?.name === "table") return tableCommand(line);
  if (line.options.has("check-config")) {
    reportConfig(CONFIG, configFileOf(line), EXIT_FAILURE);
    return EX_OK;
  }
  return runDaemon({ program, line, handshake });
}
