/**
 * Giving up, before the first byte from outside is read, all that the manifest does not list: in layers, each as far as this
 * kernel has it. What could not be had is reported and does not stop the daemon.
 *
 * Every layer but seccomp holds for the calling thread and what it starts, so it covers a process only if that has one thread.
 */
import {
  boundingSet,
  capabilityNames,
  type CapabilitySet,
  capabilitySet,
  clearAmbientSet,
  heldCapabilities,
  keepCapabilities,
  limitBoundingSet,
  setNoNewPrivileges,
} from "../../ffi/capability.ts";
import { ENOENT, ENOTDIR, Errno, strerror } from "../../ffi/errno.ts";
import { statPath, status } from "../../ffi/file.ts";
import { landlockAbi, Ruleset } from "../../ffi/landlock.ts";
import { cString } from "../../ffi/memory.ts";
import {
  compileFilter,
  type FilterTable,
  installFilter,
  isMarked,
  markCase,
  SECCOMP_RET_ALLOW,
} from "../../ffi/seccomp.ts";
import { syscallNumber } from "../../ffi/syscalls.ts";
import type { Manifest, PathGrant } from "./manifest.ts";
import { filterTable } from "./sandbox_calls.ts";
import { libraryRules, type PathRule, pathRules, type SandboxPlaces } from "./sandbox_paths.ts";

/** "inherited": the same policy was on this process already, before a re-exec. */
export type LayerState = "on" | "inherited" | "partly" | "off";

export interface LayerReport {
  readonly name: "no_new_privs" | "capabilities" | "Landlock" | "seccomp";
  readonly state: LayerState;
  /** What was got, or why not. */
  readonly detail: string;
}

export interface SandboxReport {
  readonly layers: readonly LayerReport[];
  /** How many threads the process has; only one is covered by all layers. */
  readonly threads: number;
}

export type SandboxPolicy = Pick<
  Manifest,
  "libraries" | "paths" | "capabilities" | "syscalls" | "otherSyscalls"
>;

export interface SandboxOptions {
  /** Grants that only the command line or the configuration knows, such as the folder of another pid file. */
  readonly paths?: readonly PathGrant[];
}

/** Enters the sandbox for good. Throws RangeError for a policy that names what does not exist. */
export function enterSandbox(
  policy: SandboxPolicy,
  places: SandboxPlaces,
  options: SandboxOptions = {},
): SandboxReport {
  const rules = [
    ...pathRules([...policy.paths, ...(options.paths ?? [])], places),
    ...libraryRules(policy.libraries),
  ];
  const table = filterTable(policy, Deno.build.arch);
  const threads = threadCount(); // while /proc can still be read
  const kept = capabilitySet(policy.capabilities.map(({ name }) => name));
  const layers = [
    attempt("no_new_privs", noNewPrivileges),
    attempt("capabilities", () => limitCapabilities(kept)),
    ...enterDomainAndFilter({ rules, scopeSignals: !signalsOthers(policy) }, table),
  ];
  return { layers, threads };
}

/**
 * Whoever keeps the right to signal any process is there to signal processes that it did not start. Whoever only asks whether one is
 * there (`kill(0)`, which Landlock would refuse, too) is kept to that by the filter.
 */
function signalsOthers({ capabilities, syscalls }: SandboxPolicy): boolean {
  const asks = syscalls.some(({ names }) => names.includes("kill(0)"));
  return asks || capabilities.some(({ name }) => name === "CAP_KILL");
}

type Outcome = Omit<LayerReport, "name">;

function on(detail = ""): Outcome {
  return { state: "on", detail };
}

function off(code: number): Outcome {
  return { state: "off", detail: strerror(code) };
}

/** A layer that fails is reported, and the next ones are still put on. */
function attempt(name: LayerReport["name"], enter: () => Outcome): LayerReport {
  try {
    return { name, ...enter() };
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return { name, state: "off", detail: error.message };
  }
}

function noNewPrivileges(): Outcome {
  setNoNewPrivileges();
  return on();
}

/** Calls capset only where there is something to give up: a service manager may have done it, and refuse the call. */
function limitCapabilities(wanted: CapabilitySet): Outcome {
  const held = heldCapabilities();
  const kept = held.permitted & wanted;
  // Without CAP_SETPCAP the bounding set stays, and means nothing: under no_new_privs an execve gives nothing new.
  const limited = held.permitted === 0n ? 0 : limitBoundingSet(wanted);
  clearAmbientSet();
  if (held.permitted !== kept || held.effective !== kept || held.inheritable !== 0n) {
    keepCapabilities(kept);
  }
  const names = capabilityNames(kept).join(" ") || "none";
  if (limited === 0) return on(names);
  const beyond = capabilityNames(boundingSet() & ~wanted).length;
  return { state: "partly", detail: `${names}, ${beyond} more in the bounding set` };
}

/** What Landlock is to hold to. */
interface Domain {
  readonly rules: readonly PathRule[];
  readonly scopeSignals: boolean;
}

/**
 * Landlock, then seccomp. Both stack: entered anew at each re-exec, Landlock would refuse the seventeenth layer and every system
 * call would pass ever more filters. So the filter carries a mark of the whole policy, and a process that finds it is done.
 */
function enterDomainAndFilter(domain: Domain, table: FilterTable): LayerReport[] {
  const mark = markOf(domain, table);
  if (isMarked(mark)) {
    const inherited = { state: "inherited", detail: "" } as const;
    return [{ name: "Landlock", ...inherited }, { name: "seccomp", ...inherited }];
  }
  const landlock = attempt("Landlock", () => enterDomain(domain));
  const got = landlock.state === "on" ? mark : ~mark >>> 0;
  return [landlock, attempt("seccomp", () => enterFilter(table, got))];
}

function enterDomain({ rules, scopeSignals }: Domain): Outcome {
  const abi = landlockAbi();
  if (abi < 0) return off(-abi);
  const ruleset = new Ruleset(abi, scopeSignals, rightsEverywhere(rules));
  if (ruleset.fd < 0) return off(-ruleset.fd);
  try {
    const absent = rules.filter((rule) => isAbsent(ruleset, rule) && rule.expected)
      .map(({ path }) => path);
    const result = ruleset.restrictSelf();
    if (result < 0) return off(-result);
    return on(`ABI ${abi}${absent.length === 0 ? "" : `, not there: ${absent.join(" ")}`}`);
  } finally {
    ruleset.close();
  }
}

/** What the rules for the root directory grant, and so for every file there is. */
function rightsEverywhere(rules: readonly PathRule[]): number {
  return rules.filter(({ path }) => path === "/").reduce((sum, { rights }) => sum | rights, 0);
}

/** Adds a rule. A path that does not exist needs none. Throws Errno for any other failure. */
function isAbsent(ruleset: Ruleset, { path, rights }: PathRule): boolean {
  const result = ruleset.grant(path, rights);
  if (result === 0) return false;
  if (result === -ENOENT || result === -ENOTDIR) return true;
  throw new Errno(-result, "landlock_add_rule", path);
}

function enterFilter(table: FilterTable, mark: number): Outcome {
  if (isMarked(mark)) return { state: "inherited", detail: "" };
  const result = installFilter(compileFilter(markedTable(table, mark), Deno.build.arch));
  const allowed = table.rules.filter(({ verdict }) => verdict === SECCOMP_RET_ALLOW).length;
  return result === 0 ? on(`${allowed} calls`) : off(-result);
}

function markedTable(table: FilterTable, mark: number): FilterTable {
  const prctl = syscallNumber("prctl");
  const rules = table.rules.map((rule) =>
    rule.number === prctl ? { ...rule, cases: [markCase(mark)] } : rule
  );
  return { ...table, rules };
}

const FNV_PRIME = 0x0100_0193;

/** Stands for everything that Landlock and seccomp are told: FNV-1a, 32 bits. No secret is kept by it; it tells policies apart. */
function markOf({ rules, scopeSignals }: Domain, table: FilterTable): number {
  const cases = table.rules.filter((rule) => rule.cases !== undefined);
  const paths = rules.map(({ path, rights }) => [path, rights]);
  const { otherwise, newestKnown, newer } = table;
  const text = JSON.stringify([paths, scopeSignals, cases, otherwise, newestKnown, newer]);
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  for (const { number, verdict } of table.rules) {
    hash = Math.imul(Math.imul(hash ^ number, FNV_PRIME) ^ verdict, FNV_PRIME);
  }
  return hash >>> 0;
}

/**
 * Of this process, or 0 where /proc does not say. Its folder of threads has a link for each, beside `.` and `..`
 * (proc_task_getattr() of fs/proc/base.c).
 */
function threadCount(): number {
  return statPath(cString("/proc/self/task")) < 0 ? 0 : status.links - 2;
}

/** Whether every layer holds for the whole process. */
export function isComplete({ layers, threads }: SandboxReport): boolean {
  return threads === 1 && layers.every(({ state }) => state === "on" || state === "inherited");
}

/** One line for the log and for a status: `no_new_privs, capabilities: CAP_KILL, Landlock: ABI 7, seccomp: inherited`. */
export function describeSandbox({ layers, threads }: SandboxReport): string {
  const parts = layers.map(({ name, state, detail }) => {
    const words = [...(state === "on" ? [] : [state]), ...(detail === "" ? [] : [detail])];
    return words.length === 0 ? name : `${name}: ${words.join(", ")}`;
  });
  return [...parts, ...(threads === 1 ? [] : [`covering one of ${threads} threads`])].join("; ");
}
