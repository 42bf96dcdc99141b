/** cmannotifyd: runs an administrator's scripts when something happens in the cluster. */
import { runProgram } from "./effects/run.ts";

Deno.exit(runProgram());
