/** What a node's corosync says in its own log of the events that scripts are to be told. */
import { listsText } from "./notifier.ts";

export interface Logged {
  /** In seconds since the epoch; corosync's clock has steps of some milliseconds. */
  readonly at: number;
  /** As the recording script has it: `STATECHANGE 1`, `TRY_SHUTDOWN`. */
  readonly what: string;
  /** As the recording script has them. */
  readonly lists: string;
}

const LINE = /^(\w{3} \d+ \d\d:\d\d:\d\d\.\d+) \[\d+\] \S+ corosync \w+\s+\[(\w+)\s*\] (.*)$/;
const DAY_MS = 86_400_000;

/** `Nov 21 16:46:21.096`, in local time; of this year, or of the last one where it would lie ahead. */
function timeOf(text: string): number {
  const year = new Date().getFullYear();
  const at = Date.parse(`${year} ${text}`);
  return (at > Date.now() + DAY_MS ? Date.parse(`${year - 1} ${text}`) : at) / 1000;
}

/** One run of corosync, line by line. */
class Run {
  readonly events: Logged[] = [];
  #quorate = false;
  #joined = "";
  #left = "";

  constructor(private readonly nodeId: number) {}

  line(time: string, service: string, text: string): void {
    if (service === "CFG") this.#configuration(time, text);
    if (service === "QUORUM") this.#quorum(time, text);
  }

  /** exec/cfg.c. Reloads are not in here: what corosync logs of them can be lost, as the log itself is set up anew. */
  #configuration(time: string, text: string): void {
    if (text !== `Node ${this.nodeId} was shut down by sysadmin`) return;
    this.events.push({ at: timeOf(time), what: "TRY_SHUTDOWN", lists: "" });
  }

  /** exec/vsf_quorum.c: who joins and leaves is known when services begin to agree; what clients are told is logged before they are. */
  #quorum(time: string, text: string): void {
    if (text.startsWith("This node is within the")) this.#quorate = text.includes("the primary");
    const [, list, ids] = /^(Sync members|Sync joined|Sync left|Members)\[\d+\]:(.*)/.exec(text) ??
      [];
    if (list === "Sync members") [this.#joined, this.#left] = ["", ""];
    if (list === "Sync joined") this.#joined = ids.trim();
    if (list === "Sync left") this.#left = ids.trim();
    if (list !== "Members") return;
    const lists = listsText(ids.trim(), this.#joined, this.#left);
    this.events.push({ at: timeOf(time), what: `STATECHANGE ${this.#quorate ? 1 : 0}`, lists });
    [this.#joined, this.#left] = ["", ""];
  }
}

/** The events of each run of corosync that the log of this node has. */
export function runsIn(log: string, nodeId: number): Logged[][] {
  const runs: Run[] = [];
  for (const line of log.split("\n")) {
    const [, time, service, text] = LINE.exec(line) ?? [];
    if (text === undefined) continue;
    if (text.includes("Corosync Cluster Engine") && text.endsWith("starting up")) {
      runs.push(new Run(nodeId));
    }
    runs.at(-1)?.line(time, service, text);
  }
  return runs.map(({ events }) => events);
}
