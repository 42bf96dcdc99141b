/** An interactive guest. */
import { obtainBoot } from "./boot.ts";
import { environmentOf } from "./environment.ts";
import { machineOf } from "./nodes.ts";
import { MachineProcess } from "./process.ts";
import type { RunOptions } from "./run.ts";
import { RunFolder } from "./run_folder.ts";
import { defaultPlan, type Plan } from "./scenario.ts";

/** Long enough for somebody who looks around. */
const SHELL_LIMIT_SECONDS = 86_400;

/** Gives the terminal to a shell on node 1; the machines go when it ends. Returns QEMU's exit code. */
export async function shell(options: RunOptions): Promise<number> {
  const { args: _, env = {}, onLine: __, keep = false, ...changes } = options;
  const disks = [{ name: "disk", bytes: 2 ** 30 }];
  const plan: Plan = { ...defaultPlan, disks, limitSeconds: SHELL_LIMIT_SECONDS, ...changes };
  const boot = await obtainBoot();
  const variables = { ...terminalVariables(), ...env };
  const folder = await RunFolder.create(plan, await environmentOf("", plan, boot, [], variables));
  console.log(
    `Linux ${boot.release} under ${boot.acceleration}; /dev/rig/disk is a disk, exit ends it`,
  );
  const processes = await Promise.all(
    folder.nodes().map((node) => {
      const machine = machineOf(folder, node, boot);
      return MachineProcess.start(
        node === 1 ? { ...machine, console: undefined } : machine,
        folder.path,
      );
    }),
  );
  const { code, said } = await processes[0].ended;
  if (said !== "") console.error(said.trimEnd());
  processes.slice(1).forEach((process) => process.kill());
  await Promise.all(processes.map(({ ended }) => ended));
  await folder.close(keep);
  return code;
}

/** A serial line does not know how large the terminal is. */
function terminalVariables(): Record<string, string> {
  if (!Deno.stdout.isTerminal()) return { RIG_TERMINAL: "", TERM: "dumb" };
  const { columns, rows } = Deno.consoleSize();
  return { RIG_TERMINAL: `cols ${columns} rows ${rows}`, TERM: Deno.env.get("TERM") ?? "linux" };
}
