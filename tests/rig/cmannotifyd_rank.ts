/** cmannotifyd and its runner come before others where they are told to, and scripts never do: OOM score, scheduling */
// rig: limit=600 daemon=cmannotifyd needs=corosync
import { check, equal, sh } from "../../tasks/rig/guest/guest.ts";
import { startCorosync } from "./helpers/corosync.ts";
import { inTime, SLOWNESS_S } from "./helpers/in_time.ts";

const FOLDER = "/run/rank";
const CONFIG = `${FOLDER}/conf`;
const SCRIPT = `${FOLDER}/scripts/10-rank`;
const RANKS = `${FOLDER}/ranks`;
const LOG = `${FOLDER}/log`;
const PID_FILE = `${FOLDER}/pid`;

/** What decides who comes first. */
interface Rank {
  readonly oomScore: number;
  /** sched.h: 0 SCHED_OTHER, 2 SCHED_RR. */
  readonly policy: number;
  readonly priority: number;
}

const ORDINARY: Rank = { oomScore: 0, policy: 0, priority: 0 };
const FIRST: Rank = { oomScore: -941, policy: 2, priority: 99 };

/** proc_pid_stat(5): fields 40, rt_priority, and 41, policy; the second one, a name in brackets, may have blanks. */
function parseRank(oomScore: string, stat: string): Rank {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [priority, policy] = fields.slice(40 - 3).map(Number);
  return { oomScore: Number(oomScore), policy, priority };
}

function rankOf(pid: number): Rank {
  const read = (file: string): string => Deno.readTextFileSync(`/proc/${pid}/${file}`);
  return parseRank(read("oom_score_adj"), read("stat"));
}

/** A script that writes down what it is, and what a process is that it starts; and the configuration. */
function prepare(): void {
  sh(`mkdir -p ${FOLDER}/scripts`);
  const look = `cat /proc/self/oom_score_adj /proc/self/stat >> ${RANKS}`;
  const own = `cat /proc/$$/oom_score_adj /proc/$$/stat >> ${RANKS}`;
  Deno.writeTextFileSync(SCRIPT, `#!/bin/sh\nPATH=/bin:/usr/bin\n${own}\n${look}\n`);
  Deno.chmodSync(SCRIPT, 0o755);
  const paths = `script_directory = "${FOLDER}/scripts"\nlogfile = "${LOG}"\n`;
  Deno.writeTextFileSync(CONFIG, `${paths}protect_from_oom = 1\n`);
  Deno.writeTextFileSync(RANKS, "");
}

/** Two lines for each process. */
function written(): Rank[] {
  const lines = Deno.readTextFileSync(RANKS).split("\n").slice(0, -1);
  return Array.from(
    { length: Math.floor(lines.length / 2) },
    (_, i) => parseRank(lines[2 * i], lines[2 * i + 1]),
  );
}

prepare();
// It waits for corosync, and both take their time to start.
const starter = new Deno.Command("cmannotifyd", {
  args: ["--config", CONFIG, "--pid-file", PID_FILE, "-r"],
}).output();
check("corosync forms a cluster of one", await startCorosync(["127.0.0.1"]));
equal("the daemon goes to the background", 0, (await starter).code);
check("scripts are told twice", await inTime(SLOWNESS_S, () => written().length >= 4));
equal("all of them, and what they start, are ordinary", Array(4).fill(ORDINARY), written());
const daemon = Number(Deno.readTextFileSync(PID_FILE));
const runner = Number(Deno.readTextFileSync(`/proc/${daemon}/task/${daemon}/children`));
equal("the daemon comes first", FIRST, rankOf(daemon));
equal("so does the runner, after its scripts", FIRST, rankOf(runner));
const refused = /^.*\bno (realtime|protection).*$/m.exec(Deno.readTextFileSync(LOG))?.[0];
check("the kernel has refused nothing", refused === undefined, refused);
sh(`kill ${daemon}`);
const isGone = (pid: number): boolean => sh(`kill -0 ${pid} 2>&1 || true`) !== "";
check("both end", await inTime(SLOWNESS_S, () => isGone(daemon) && isGone(runner)));
