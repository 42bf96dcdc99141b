/** Starting the daemon in the background. */
import { duplicateForExec } from "../../../ffi/file.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { startInBackground } from "../../../src/host/lifecycle.ts";
import type { Program } from "../../../src/host/program.ts";
import { STDERR, writeText } from "../../../src/host/standard.ts";
import type { FollowArguments } from "../arguments.ts";
import { EXIT_FAILURE } from "./settings.ts";

/** Above the numbers that are a child's standard input, output and error. */
const LOWEST_OWN = 10;

/** What a daemon is started with. */
export interface Launch {
  readonly program: Program;
  readonly follow: FollowArguments;
  readonly sandbox: boolean;
}

/** Exit code of the starting process, once the daemon follows its file. Throws ExitError when it does not come to that. */
export function runInBackground({ program, follow, sandbox }: Launch): number {
  const silent = follow.verbose === 0;
  // The standard descriptors of a silent daemon are /dev/null: the file has to be elsewhere.
  const fd = silent && follow.fd < 3 ? duplicateForExec(follow.fd, LOWEST_OWN) : follow.fd;
  const words = sandbox ? [...program.args] : program.args.slice(1);
  const args = [...(sandbox ? [] : ["--no-sandbox"]), String(fd), ...words.slice(1)];
  const result = startInBackground({ ...program, args }, {
    keepStandard: !silent,
    inherited: [fd],
  });
  if (result.status === 0) {
    if (!silent) writeText(STDERR, `Started dmfilemapd with pid=${result.pid}\n`);
    return 0;
  }
  throw new ExitError(EXIT_FAILURE, result.text.trimEnd());
}
