/** virtlockd: holds the locks on virtual machines' disks. */
import { runProgram } from "./effects/run.ts";

Deno.exit(runProgram());
