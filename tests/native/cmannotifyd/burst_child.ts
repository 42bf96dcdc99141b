/** Runs on a node: has corosync read its configuration anew so many times, each as soon as the one before is done. */
import { Cfg } from "../../../ffi/cfg.ts";

const cfg = Cfg.connect(() => {});
for (let i = 0; i < Number(Deno.args[0]); i++) cfg.reloadConfig();
cfg.close();
