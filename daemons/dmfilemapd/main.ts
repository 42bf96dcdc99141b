/** dmfilemapd: keeps a group of device-mapper statistics regions in line with a file's extents. */
import { runProgram } from "./effects/run.ts";

Deno.exit(runProgram());
