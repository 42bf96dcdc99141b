/** The program: what its command line asks for, and its exit code. */
import { ENOENT } from "../../../ffi/errno.ts";
import { accessPath } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { compileCalls } from "../../../ffi/open.ts";
import { type CommandLine, parseCommandLine } from "../../../src/host/cli.ts";
import { ConfigError, problemText, readConfigText } from "../../../src/host/config.ts";
import { EX_OK, ExitError } from "../../../src/host/exit.ts";
import { helpText } from "../../../src/host/help.ts";
import { ReadyHandshake } from "../../../src/host/lifecycle.ts";
import { logger } from "../../../src/host/log.ts";
import { type Program, thisProgram } from "../../../src/host/program.ts";
import { STDERR, STDOUT, writeText } from "../../../src/host/standard.ts";
import { VERSION } from "../../../src/host/version.ts";
import { manifest } from "../manifest.ts";
import { CONTROL_SOCKET } from "../places.ts";
import { configFileOf, configProblems, EXIT_FAILURE, EXIT_LOCKED } from "./settings.ts";
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
  const known = error instanceof ExitError;
  const text = error instanceof Error
    ? (known ? error.message : error.stack ?? error.message)
    : String(error);
  if (text !== "") {
    if (handshake.isChild) logger(manifest.name).error("{text}", { text });
    else writeText(STDERR, `${text}\n`);
  }
  const code = known ? error.code : EXIT_FAILURE;
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
  if (line.options.has("check-config")) return reportConfig(line);
  return runDaemon({ program, line, handshake });
}

/** `--check-config`: every problem with its place; the exit code. Throws ExitError. */
function reportConfig(line: CommandLine): number {
  const { path, optional } = configFileOf(line);
  if (optional && accessPath(cString(path), 0) === -ENOENT) {
    writeText(STDOUT, `${path}: not there, the defaults are in force\n`);
    return EX_OK;
  }
  try {
    const problems = configProblems(readConfigText(path), path);
    for (const problem of problems) writeText(STDERR, `${problemText(path, problem)}\n`);
    if (problems.some(({ severity }) => severity === "error")) return EXIT_FAILURE;
    writeText(STDOUT, `${path}: ok\n`);
    return EX_OK;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ExitError(EXIT_FAILURE, error.message);
  }
}
