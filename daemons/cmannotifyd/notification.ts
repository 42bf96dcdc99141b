/** A notification, and how scripts get to know it: variables in their environment and, if wanted, JSON on standard input. Pure. */

/** In the order in which the original's man page has them. */
export const REASONS = ["TRY_SHUTDOWN", "STATECHANGE", "CONFIG_UPDATE"] as const;
export type Reason = typeof REASONS[number];

export interface Notification {
  readonly reason: Reason;
  /** From 1 in each run of the daemon. */
  readonly sequence: number;
  /** Since the epoch. */
  readonly timeMs: number;
  /** Part of what is told after connecting to corosync, not of a change that was seen. */
  readonly initial: boolean;
  /** Of this notification, not of the moment when the script runs. STATECHANGE only. */
  readonly quorate?: boolean;
  /** In the STATECHANGE before, if there was one. */
  readonly quorateBefore?: boolean;
  /** `NODE.SEQUENCE`, both hexadecimal, as corosync prints it. */
  readonly ring?: string;
  readonly members: readonly number[];
  readonly joined: readonly number[];
  readonly left: readonly number[];
  /** corosync/cfg.h: 0 somebody asks whether to shut down, 1 somebody tells. TRY_SHUTDOWN only. */
  readonly shutdownFlags?: number;
  /** How many older ones of its kind it stands for, which the full queue could not hold. */
  readonly merged: number;
}

/** What is the same for all notifications as long as corosync runs. */
export interface ClusterFacts {
  readonly nodeId: number;
  readonly clusterName: string;
  /** Names by node id, as far as the node list of corosync has them. */
  readonly names: ReadonlyMap<number, string>;
}

export const NO_FACTS: ClusterFacts = { nodeId: 0, clusterName: "", names: new Map() };

export interface ScriptOptions {
  readonly debug: boolean;
  /** The variables that the original did not have, too. */
  readonly extraVariables: boolean;
}

/** The version of what is told beyond the original's three variables. */
const TOLD_VERSION = 1;

type Variables = [name: string, value: string][];

/** Exactly what the original's scripts were given: these and nothing else. */
function contractVariables(notification: Notification, debug: boolean): Variables {
  const { reason, quorate } = notification;
  const variables: Variables = [["CMAN_NOTIFICATION", `CMAN_REASON_${reason}`]];
  if (quorate !== undefined) variables.push(["CMAN_NOTIFICATION_QUORUM", quorate ? "1" : "0"]);
  if (debug) variables.push(["CMAN_NOTIFICATION_DEBUG", "1"]);
  return variables;
}

function timestampText(timeMs: number): string {
  return (timeMs / 1000).toFixed(6);
}

/** Names in the place of ids; an id without a name stays one. */
function namesOf(ids: readonly number[], { names }: ClusterFacts): string[] {
  return ids.map((id) => names.get(id) ?? String(id));
}

function extraVariables(notification: Notification, facts: ClusterFacts): Variables {
  const { sequence, timeMs, initial, ring, quorateBefore, shutdownFlags, merged } = notification;
  const variables: Variables = [
    ["VERSION", String(TOLD_VERSION)],
    ["SEQ", String(sequence)],
    ["TIMESTAMP", timestampText(timeMs)],
    ["NODEID", String(facts.nodeId)],
    ["NODENAME", namesOf([facts.nodeId], facts)[0]],
    ["CLUSTER", facts.clusterName],
  ];
  if (initial) variables.push(["INITIAL", "1"]);
  if (merged > 0) variables.push(["MERGED", String(merged)]);
  if (shutdownFlags !== undefined) variables.push(["SHUTDOWN_FLAGS", String(shutdownFlags)]);
  if (ring !== undefined) variables.push(["RING", ring]);
  if (quorateBefore !== undefined) variables.push(["QUORUM_PREVIOUS", quorateBefore ? "1" : "0"]);
  if (notification.reason === "STATECHANGE") variables.push(...listVariables(notification, facts));
  return variables.map(([name, value]) => [`CMAN_NOTIFICATION_${name}`, value]);
}

function listVariables({ members, joined, left }: Notification, facts: ClusterFacts): Variables {
  return [
    ["MEMBERS", members.join(" ")],
    ["JOINED", joined.join(" ")],
    ["LEFT", left.join(" ")],
    ["MEMBER_NAMES", namesOf(members, facts).join(" ")],
  ];
}

/** The whole environment of a script. */
export function environmentOf(
  notification: Notification,
  facts: ClusterFacts,
  options: ScriptOptions,
): Variables {
  const contract = contractVariables(notification, options.debug);
  return options.extraVariables ? [...contract, ...extraVariables(notification, facts)] : contract;
}

/** One JSON object and a newline. Node names are those of corosync's node list, null where it has none. */
export function jsonOf(notification: Notification, facts: ClusterFacts): string {
  const { reason, sequence, timeMs, initial, quorate, quorateBefore, ring } = notification;
  const { members, joined, left, shutdownFlags, merged } = notification;
  const node = (id: number): unknown => ({ id, name: facts.names.get(id) ?? null });
  const object = {
    version: TOLD_VERSION,
    sequence,
    timestamp: timestampText(timeMs),
    notification: `CMAN_REASON_${reason}`,
    initial,
    merged,
    cluster: facts.clusterName,
    node: node(facts.nodeId),
    ...(shutdownFlags === undefined ? {} : { shutdown_flags: shutdownFlags }),
    ...(quorate === undefined ? {} : { quorate, quorate_before: quorateBefore ?? null }),
    ...(reason !== "STATECHANGE" ? {} : {
      ring: ring ?? null,
      members: members.map(node),
      joined: joined.map(node),
      left: left.map(node),
    }),
  };
  return `${JSON.stringify(object)}\n`;
}
