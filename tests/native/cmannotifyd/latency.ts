/** How long after corosync's own line in its log somebody says so. */
import type { Node } from "../corosync/cluster.ts";
import { compiled } from "../virtlockd/c_program.ts";
import { type Logged, runsIn } from "./corosync_log.ts";
import { notices } from "./corosync_notifyd.ts";
import type { Notifier, Told } from "./notifier.ts";
import { isReload, parts } from "./told.ts";

/**
 * In milliseconds: from each report of quorum in corosync's log to the start of the first script, or to another `moment` that it knows.
 * Those told of because corosync was reached are left out.
 */
export async function delays(
  notifiers: readonly Notifier[],
  moment: (told: Told) => number = ({ at }) => at,
): Promise<number[]> {
  const all = await Promise.all(notifiers.map(async (notifier) => {
    const runs = runsIn(await notifier.node.log(), notifier.node.id);
    const told = (await notifier.told()).filter((one) => !isReload(one));
    return parts(told).flatMap(([, , ...part], run) => delaysIn(part, runs[run], moment));
  }));
  return all.flat();
}

function delaysIn(
  told: readonly Told[],
  logged: readonly Logged[],
  moment: (told: Told) => number,
): number[] {
  const behind = logged.slice(logged.length - told.length);
  return told.flatMap((one, i) =>
    one.what.startsWith("STATECHANGE") ? [(moment(one) - behind[i].at) * 1000] : []
  );
}

/** When the daemon was told, whose clock leaves out what is less than a millisecond. */
export const received = ({ receivedAt }: Told): number => receivedAt + 0.0005;

/** How long this machine takes, with nobody between, from posix_spawn to the first instruction of a script, in milliseconds. */
export async function startsAlone(count: number): Promise<number[]> {
  const program = await compiled("start_alone", new URL("./", import.meta.url));
  const { stdout } = await new Deno.Command(program, { args: [String(count)] }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").map(Number);
}

export function medianMs(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

/** A notice belongs to the last report before it, if that is not long ago; the log's clock may be late by a step. */
const STEP_S = 0.005;
const LONGEST_S = 2;

export interface NoticeDelays {
  readonly quorum: readonly number[];
  readonly members: readonly number[];
}

/** The same for corosync-notifyd's notices. */
export async function delaysOfNotices(nodes: readonly Node[]): Promise<NoticeDelays> {
  const quorum: number[] = [];
  const members: number[] = [];
  for (const node of nodes) {
    const logged = runsIn(await node.log(), node.id).flat()
      .filter(({ what }) => what.startsWith("STATECHANGE"));
    for (const { at, kind } of await notices(node)) {
      const report = logged.findLast((one) => one.at <= at + STEP_S);
      if (report === undefined || at - report.at > LONGEST_S) continue;
      const list = kind.endsWith("quorate") ? quorum : members;
      list.push((at - report.at) * 1000);
    }
  }
  return { quorum, members };
}

/** A table of both, in milliseconds. */
export function latencyTable(ours: readonly number[], theirs: NoticeDelays): string {
  const row = (name: string, values: readonly number[]): string => {
    const [median, most95, most] = [0.5, 0.95, 1].map((q) => quantile(values, q).toFixed(1));
    return `${name}: median ${median}, 95 % ${most95}, most ${most} ms (${values.length})`;
  };
  return [
    "",
    "from corosync's line in its log to",
    row("the start of our script", ours),
    row("corosync-notifyd's notice of quorum", theirs.quorum),
    row("corosync-notifyd's notice of a member", theirs.members),
  ].join("\n");
}
