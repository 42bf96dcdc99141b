/** The program: what its arguments ask for, and its exit code. */
import { Errno } from "../../../ffi/errno.ts";
import { reportConfig } from "../../../src/host/config_file.ts";
import { errorText, EX_OK, EX_USAGE, ExitError } from "../../../src/host/exit.ts";
import { helpText } from "../../../src/host/help.ts";
import { ReadyHandshake } from "../../../src/host/lifecycle.ts";
import { logger } from "../../../src/host/log.ts";
import { type Program, thisProgram } from "../../../src/host/program.ts";
import { STDERR, STDOUT, writeText } from "../../../src/host/standard.ts";
import { VERSION } from "../../../src/host/version.ts";
import { parseArguments, type Request } from "../arguments.ts";
import { manifest } from "../manifest.ts";
import { CONFIG, configFileOf, EXIT_FAILURE } from "./settings.ts";
import { followFile } from "./start.ts";
import { statusCommand } from "./status_command.ts";

/** The release of lvm2 whose daemon this one stands in for. */
const LVM_RELEASE = "2.03.16";

/** Runs the program; its exit code. */
export function runProgram(): number {
  const program = thisProgram();
  const handshake = new ReadyHandshake(program.environment);
  try {
    return act(parseArguments(program.args), program, handshake);
  } catch (error) {
    return fail(error, handshake);
  }
}

/** Says what went wrong to everybody who may be listening; the exit code. */
function fail(error: unknown, handshake: ReadyHandshake): number {
  const text = messageOf(error);
  if (text !== "") {
    writeText(STDERR, `${text}\n`);
    if (handshake.isChild) {
      logger(manifest.name).error("{text}", { text });
      handshake.say(text);
    }
  }
  const code = error instanceof ExitError ? error.code : EXIT_FAILURE;
  handshake.finish(Math.min(code, 9));
  return code;
}

/** What the system refuses is no fault of ours, so it is said without where. */
function messageOf(error: unknown): string {
  return error instanceof Errno ? `${error.message}\nExiting` : errorText(error);
}

function act(request: Request, program: Program, handshake: ReadyHandshake): number {
  switch (request.kind) {
    case "help":
      writeText(STDOUT, helpText(manifest, program.calledAs, false));
      return EX_OK;
    case "version":
      writeText(STDOUT, `${manifest.name} (hostkeep) ${VERSION}, for lvm2 ${LVM_RELEASE}\n`);
      return EX_OK;
    case "check-config":
      reportConfig(CONFIG, configFileOf(program.environment), EXIT_FAILURE);
      return EX_OK;
    case "status":
      writeText(STDOUT, statusCommand(request.json));
      return EX_OK;
    case "wrong":
      writeText(STDERR, request.lines.map((line) => `${line}\n`).join(""));
      return request.usage ? EX_USAGE : EXIT_FAILURE;
    case "follow":
      return followFile({ ...request, program, handshake });
  }
}
