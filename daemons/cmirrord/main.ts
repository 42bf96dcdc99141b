/** cmirrord: keeps the log of mirrors that a cluster shares. */
import { runProgram } from "./effects/run.ts";

Deno.exit(runProgram());
