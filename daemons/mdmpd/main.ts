/** mdmpd: brings failed paths of md multipath arrays back. */
import { runProgram } from "./effects/run.ts";

Deno.exit(runProgram());
