/**
 * `deno task soak [NAME…] [--minutes N]`: daemons under load and faults, side by side, 120 minutes unless told otherwise. Prints how
 * memory and descriptors went, and ends with 1 where something was lost or leaks. Root only.
 */
import { parseArgs } from "node:util";
import { privateObstacle } from "../tests/native/private_daemon.ts";
import { judge, shown } from "../tests/fault/soak/judge.ts";
import { soak } from "../tests/fault/soak/soak.ts";
import type { Subject } from "../tests/fault/soak/subject.ts";
import { subjects } from "../tests/fault/soak/subjects.ts";
import { runTask } from "./toolchain.ts";

/** Whether all is well. */
async function soakOne(subject: Subject, minutes: number): Promise<boolean> {
  try {
    const outcome = await soak(subject, minutes);
    const faults = judge(outcome);
    console.log(shown(outcome));
    for (const fault of faults) console.log(`${subject.name} ${fault}`);
    return faults.length === 0;
  } catch (error) {
    console.log(error);
    return false;
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { minutes: { type: "string", default: "120" } },
    allowPositionals: true,
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes "${values.minutes}" is no time`);
  const obstacle = await privateObstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  const all = await subjects();
  const unknown = positionals.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) throw new Error(`cannot be soaked here: ${unknown.join(", ")}`);
  const chosen = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  console.log(`${chosen.map(({ name }) => name).join(", ")}: ${minutes} minutes`);
  const results = await Promise.all(chosen.map((subject) => soakOne(subject, minutes)));
  return results.every((good) => good) ? 0 : 1;
}

if (import.meta.main) await runTask("soak", main);
