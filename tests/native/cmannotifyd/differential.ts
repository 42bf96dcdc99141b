/** What our scripts were told beside what corosync-notifyd noticed, act by act. */
import { type Notice, notices } from "./corosync_notifyd.ts";
import type { Notifier, Told } from "./notifier.ts";
import type { Act } from "./story.ts";

/** All that both had said on a node by the end of an act. */
export interface Seen {
  readonly told: readonly Told[];
  readonly noticed: readonly Notice[];
}

export async function seenBy(notifier: Notifier): Promise<Seen> {
  return { told: await notifier.told(), noticed: await notices(notifier.node) };
}

/** Who is there, and whether that is quorate, as far as somebody knows. */
interface State {
  readonly members: ReadonlySet<number>;
  readonly quorate: boolean;
}

function stateTold(told: readonly Told[]): State | undefined {
  const last = told.findLast(({ what }) => what.startsWith("STATECHANGE"));
  if (last === undefined) return undefined;
  const members = last.lists.replace(/ [+-].*/, "").split(" ").map(Number);
  return { members: new Set(members), quorate: last.what.endsWith("1") };
}

/** corosync-notifyd tells changes only, so it needs to be told where they begin. */
function stateNoticed(before: State, noticed: readonly Notice[]): State {
  const members = new Set(before.members);
  let { quorate } = before;
  for (const { kind, nodeId } of noticed) {
    if (kind === "joined") members.add(nodeId);
    else if (kind === "left") members.delete(nodeId);
    else quorate = kind === "quorate";
  }
  return { members, quorate };
}

function stateText({ members, quorate }: State): string {
  return `${[...members].sort().join(" ")}${quorate ? "" : ", not quorate"}`;
}

function toldText(told: readonly Told[]): string {
  const short = ({ what, lists }: Told): string =>
    what.startsWith("STATECHANGE")
      ? `${what.at(-1)}:${lists.replace(/^[\d ]*?(?= [+-]|$)/, "")}`
      : what;
  return told.map(short).join(", ") || "-";
}

function noticedText(noticed: readonly Notice[]): string {
  const short = ({ kind, nodeId }: Notice): string =>
    kind === "joined" ? `+${nodeId}` : kind === "left" ? `-${nodeId}` : kind;
  return noticed.map(short).join(", ") || "-";
}

/**
 * A table, and where the two came to different ends. Acts in which a node's own corosync begins or ends are left out for that node:
 * corosync-notifyd ends with it, and says nothing of the state that it finds.
 */
export function comparison(
  acts: readonly Act[],
  seen: readonly (readonly Seen[])[],
): { table: string; differences: string[] } {
  const rows: string[] = [
    "",
    "act: node: scripts were told (quorum: joined, left) | corosync-notifyd noticed",
  ];
  const differences: string[] = [];
  for (const [i, act] of acts.entries()) {
    for (const [n, now] of seen[i].entries()) {
      const before: Seen = i === 0 ? { told: [], noticed: [] } : seen[i - 1][n];
      const told = now.told.slice(before.told.length);
      const noticed = now.noticed.slice(before.noticed.length);
      rows.push(`${act.name}: ${n + 1}: ${toldText(told)} | ${noticedText(noticed)}`);
      const [was, is] = [stateTold(before.told), stateTold(now.told)];
      const restarted = told.some(({ initial }) => initial) || act.members[n].length === 0;
      if (was === undefined || is === undefined || restarted) continue;
      const [ours, theirs] = [is, stateNoticed(was, noticed)].map(stateText);
      if (ours !== theirs) differences.push(`${act.name}: ${n + 1}: ${ours}, but ${theirs}`);
    }
  }
  return { table: rows.join("\n"), differences };
}
