/**
 * The child that touches devices for the daemon: it may hang in the kernel and never come back, and nobody else waits for it. It reads
 * a batch a line from standard input, answers on standard output, and ends with its input.
 */
import { EINTR } from "../../../ffi/errno.ts";
import { readDescriptor } from "../../../ffi/file.ts";
import { pollDescriptor } from "../../../ffi/poll.ts";
import { blockSignals, SIGHUP, SIGINT, SIGTERM } from "../../../ffi/signal.ts";
import { STDOUT, writeText } from "../../../src/host/standard.ts";
import type { Known } from "../identity.ts";
import { CONFIRM_STEP_MS } from "../limits.ts";
import { isSuperblock } from "../superblock.ts";
import type {
  Answer,
  Batch,
  DeviceRef,
  Job,
  LearnJob,
  Message,
  PathJob,
  SearchJob,
} from "../tester_protocol.ts";
import { hasReadsUnderWay, type Reading } from "./device_reads.ts";
import { examineAll, type Finding, isSighting, sightGroups } from "./evidence.ts";
import { allDevices, hardwareOf, hasHolders, numberOf } from "./hardware.ts";
import { confirm, failAgain, putBack } from "./put_back.ts";
import { readPath } from "./sights.ts";

const STDIN = 0;
/** The hidden first argument that makes the program a tester. */
export const TESTER_ARGUMENT = "@tester";
/** A proof after the fact is asked for so often: the array writes its superblock just then. */
const PROOFS_AFTER = 5;

function say(message: Message): void {
  writeText(STDOUT, `${JSON.stringify(message)}\n`);
}

function answer(id: number, type: Answer["type"], reason?: string): void {
  say(reason === undefined ? { id, type } : { id, type, reason });
}

/** A verdict in the machine's words. */
function answerTo(verdict: Finding["verdict"]): Answer["type"] {
  return verdict === "proven" || verdict === "dead" || verdict === "hung" ? verdict : "refused";
}

function answerFinding({ id }: Job, finding: Finding, name?: string): void {
  const type = answerTo(finding.verdict);
  if (finding.verdict !== "proven") answer(id, type, finding.reason);
  else say(name === undefined ? { id, type } : { id, type, name });
}

function answerRestoration(
  { id, array, path, awaited }: PathJob,
  type: Answer["type"],
  reason: string,
): void {
  say({ id, type, reason, unbound: awaited && readPath(array.name, path.name) === undefined });
}

/** Which job opens a device is said beforehand: it may be the last word. */
function readingFor(timeoutMs: number, jobs: readonly Job[]): Reading {
  const owner = ({ device }: DeviceRef): number =>
    jobs.find((job) => "path" in job && job.path.device === device)?.id ??
      jobs.find(({ references }) => references.some((ref) => ref.device === device))?.id ?? 0;
  return {
    timeoutMs,
    opening: (ref) => say({ at: owner(ref) }),
    waiting: () => say({ at: 0 }),
  };
}

function learnAll(jobs: readonly LearnJob[], timeoutMs: number): void {
  if (jobs.length === 0) return;
  const groups = jobs.map(({ references, array }) => ({
    refs: references,
    metadata: array.metadata,
  }));
  sightGroups(groups, readingFor(timeoutMs, jobs), (group, sights) => {
    const { references, id } = jobs[group];
    const learned = sights.flatMap((sight, i) => {
      if (!isSighting(sight) || !isSuperblock(sight.superblock)) return [];
      const { deviceUuid, role, events } = sight.superblock;
      return [{ name: references[i].name, deviceUuid, role, events }];
    });
    say({ id, type: "learned", learned });
  });
}

/** Whether a device could be a lost one: nobody uses it, and its names are right, or, without any, its size. */
function mayBe(name: string, { hardware: { names, sectors } }: Known): boolean {
  const now = hardwareOf(name);
  if (now === undefined || hasHolders(name)) return false;
  return names.length === 0 ? now.sectors === sectors : now.names.join() === names.join();
}

/** Tests every device that may be the lost one; the first that is proven is it. */
function search(job: SearchJob, timeoutMs: number): void {
  const { known } = job;
  if (known === undefined) return answer(job.id, "dead", "device not there, and never seen before");
  const candidates = allDevices().filter((name) => mayBe(name, known)).flatMap(
    (name): PathJob[] => {
      const device = numberOf(name);
      return device === undefined ? [] : [{ ...job, kind: "test", path: { name, device } }];
    },
  );
  let isFound = false;
  examineAll(candidates, readingFor(timeoutMs, candidates), ({ path }, finding) => {
    if (isFound || finding.verdict !== "proven") return;
    isFound = true;
    answerFinding(job, finding, path.name);
  });
  if (!isFound) answer(job.id, "dead", "device not there");
}

/** Back in use, but is it still what it was proven to be a moment ago? */
function proveAfter(job: PathJob, timeoutMs: number): Finding {
  let last = { verdict: "hung", reason: "not read" } as Finding;
  for (let i = 0; i < PROOFS_AFTER; i++) {
    examineAll([job], readingFor(timeoutMs, [job]), (_, finding) => {
      last = finding;
    });
    if (last.verdict === "proven" || last.verdict === "hung") break;
    pollDescriptor(-1, 0, CONFIRM_STEP_MS * 2 ** i);
  }
  return last;
}

function finishRestoration(job: PathJob, timeoutMs: number): void {
  const { id, path } = job;
  say({ at: id });
  const failure = confirm(job);
  if (failure !== undefined) return answerRestoration(job, "unrestored", failure);
  const after = proveAfter(job, timeoutMs);
  if (after.verdict === "proven") return say({ id, type: "restored", name: path.name });
  say({ at: id });
  failAgain(job);
  const isDevice = after.verdict === "dead" || after.verdict === "hung";
  answerRestoration(job, isDevice ? "unrestored" : "wrong", `failed again: ${after.reason}`);
}

/** Whether the daemon is gone, or has left us alone: what we were to do is another's by now. */
function isInputOver(): boolean {
  return pollDescriptor(STDIN, 0, 0) !== 0;
}

/** Proves each path once more and puts it back at once; then, when all are in, sees to each again. */
function restoreAll(jobs: readonly PathJob[], timeoutMs: number): void {
  if (jobs.length === 0) return;
  // Half a restoration is worse than a late end.
  blockSignals([SIGTERM, SIGINT, SIGHUP]);
  const begun: PathJob[] = [];
  examineAll(jobs, readingFor(timeoutMs, jobs), (job, finding) => {
    // However long ago it was proven: others have put it back by then, or an operator does not want it.
    if (isInputOver()) return;
    if (finding.verdict !== "proven") {
      return answerRestoration(job, answerTo(finding.verdict), finding.reason);
    }
    say({ at: job.id });
    const refusal = putBack(job, readingFor(timeoutMs, [job]));
    // It is not this one that is waited for when the others are silent.
    say({ at: 0 });
    if (refusal === undefined) begun.push(job);
    else answerRestoration(job, refusal.type, refusal.reason);
  });
  for (const job of begun) finishRestoration(job, timeoutMs);
}

function ofKind<Kind extends Job["kind"]>(
  jobs: readonly Job[],
  ...kinds: Kind[]
): Extract<Job, { kind: Kind }>[] {
  return jobs.filter((job): job is Extract<Job, { kind: Kind }> =>
    (kinds as string[]).includes(job.kind)
  );
}

function runBatch({ jobs, timeoutMs }: Batch): void {
  const tests = jobs.filter((job): job is PathJob => job.kind === "test" || job.kind === "check");
  const restorations = jobs.filter((job): job is PathJob => job.kind === "restore");
  restoreAll(restorations, timeoutMs);
  examineAll(tests, readingFor(timeoutMs, tests), answerFinding);
  for (const job of ofKind(jobs, "search")) search(job, timeoutMs);
  learnAll(ofKind(jobs, "learn"), timeoutMs);
  say({ done: true, hangs: hasReadsUnderWay() });
}

/** Serves until its input ends. */
export function runTester(): void {
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  let text = "";
  say({ done: true });
  for (;;) {
    const count = readDescriptor(STDIN, buffer);
    if (count === -EINTR) continue;
    if (count <= 0) return;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      runBatch(JSON.parse(line) as Batch);
    }
  }
}
