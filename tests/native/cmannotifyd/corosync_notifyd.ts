/** corosync-notifyd on a node: what it prints, with the time. Where it ends, as it does with corosync, it is started again. */
import type { Node } from "../corosync/cluster.ts";

/** One line that it printed. */
export interface Notice {
  /** In seconds since the epoch. */
  readonly at: number;
  readonly kind: "joined" | "left" | "quorate" | "not quorate";
  /** The node that joined or left; the node itself for quorum. */
  readonly nodeId: number;
}

/** `-n`: no look-up of names. It prints on standard error; Bash's time is the first thing after the line has come. */
const COMMAND = `
  while :; do corosync-notifyd -f -o -n 2>&1; sleep 0.05; done |
  while IFS= read -r line; do echo "$EPOCHREALTIME $line"; done > /run/notices`;

const LINE = /^([\d.]+) .*?\S+\[(\d+)\] (.*)$/;
const KINDS: readonly (readonly [RegExp, Notice["kind"]])[] = [
  [/^ip:\S+ joined/, "joined"],
  [/^ip:\S+ left/, "left"],
  [/^is now quorate/, "quorate"],
  [/^has lost quorum/, "not quorate"],
];

export function startCorosyncNotifyd(node: Node): void {
  node.spawn(["bash", "-c", COMMAND]);
}

/** All that it has printed so far, in order. Lines of other kinds are left out. */
export async function notices(node: Node): Promise<Notice[]> {
  const text = await Deno.readTextFile(`${node.folder}/run/notices`);
  return text.split("\n").flatMap((line) => {
    const [, at, nodeId, what] = LINE.exec(line) ?? [];
    const kind = KINDS.find(([pattern]) => pattern.test(what ?? ""))?.[1];
    return kind === undefined ? [] : [{ at: Number(at), kind, nodeId: Number(nodeId) }];
  });
}
