/** `deno task demo`: each daemon doing its job, on the shipped binaries, with a running commentary. */
import { buildAll } from "./build.ts";
import { cmannotifydAct } from "./demo/cmannotifyd_act.ts";
import { dmfilemapdAct } from "./demo/dmfilemapd_act.ts";
import { mdmpdAct } from "./demo/mdmpd_act.ts";
import { Stage } from "./demo/stage.ts";
import { virtlockdAct } from "./demo/virtlockd_act.ts";

await buildAll(["virtlockd", "dmfilemapd", "mdmpd", "cmannotifyd"]);
const stage = new Stage();
await virtlockdAct(stage, new URL("../dist/virtlockd", import.meta.url).pathname);
await dmfilemapdAct(stage);
await mdmpdAct(stage);
await cmannotifydAct(stage);
Deno.exit(stage.close() ? 0 : 1);
