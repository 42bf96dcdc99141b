/**
 * seccomp(2) filters: a table of system calls, compiled into classic BPF that the kernel runs before each call.
 *
 * The numbers are found by binary search. Since Linux 5.11 the kernel works out beforehand which of them always pass, and runs
 * nothing for those; so the order of the table does not matter.
 */
import { layout } from "../src/wire/layout.ts";
import { EALREADY, EBUSY } from "./errno.ts";
import { addressOf } from "./memory.ts";
import type { Architecture } from "./syscalls.ts";
import { systemCall } from "./system_call.ts";

// linux/seccomp.h
export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
export const SECCOMP_RET_ERRNO = 0x0005_0000;
export const SECCOMP_RET_ALLOW = 0x7fff_0000;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1 << 0;
const SECCOMP_FILTER_FLAG_LOG = 1 << 1;
const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1 << 2;
// linux/audit.h
const AUDIT_ARCH_X86_64 = 0xc000_003e;
const AUDIT_ARCH_AARCH64 = 0xc000_00b7;
// asm/unistd.h of x86-64: calls of the x32 ABI have this bit, and the same audit architecture
const __X32_SYSCALL_BIT = 0x4000_0000;
// linux/bpf_common.h and linux/filter.h
const BPF_LD_W_ABS = 0x20;
const BPF_JMP_JA = 0x05;
const BPF_JMP_JEQ_K = 0x15;
const BPF_JMP_JGE_K = 0x35;
const BPF_JMP_JSET_K = 0x45;
const BPF_RET_K = 0x06;
const BPF_MAXINSNS = 4096;

const SECCOMP_DATA = layout("struct seccomp_data", {
  nr: "i32",
  arch: "u32",
  instruction_pointer: "u64",
  args: ["bytes", 48],
});
const SOCK_FILTER = layout("struct sock_filter", { code: "u16", jt: "u8", jf: "u8", k: "u32" });
const SOCK_FPROG = layout("struct sock_fprog", { len: "u16", filter: "u64" });

export const CONSTANTS = {
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_ALLOW,
  SECCOMP_SET_MODE_FILTER,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  AUDIT_ARCH_X86_64,
  AUDIT_ARCH_AARCH64,
  ...(Deno.build.arch === "x86_64" ? { __X32_SYSCALL_BIT } : {}),
  BPF_MAXINSNS,
  "BPF_LD | BPF_W | BPF_ABS": BPF_LD_W_ABS,
  "BPF_JMP | BPF_JA": BPF_JMP_JA,
  "BPF_JMP | BPF_JEQ | BPF_K": BPF_JMP_JEQ_K,
  "BPF_JMP | BPF_JGE | BPF_K": BPF_JMP_JGE_K,
  "BPF_JMP | BPF_JSET | BPF_K": BPF_JMP_JSET_K,
  "BPF_RET | BPF_K": BPF_RET_K,
};
export const STRUCTS = [SECCOMP_DATA, SOCK_FILTER, SOCK_FPROG];

/** SECCOMP_RET_… */
export type Verdict = number;

/** The verdict that makes a call fail with an errno, unseen by the kernel proper. */
export function failWith(code: number): Verdict {
  return SECCOMP_RET_ERRNO | code;
}

/** A test on the low 32 bits of an argument (0 to 5): all there is of an int, and of clone's flags. */
export type ArgumentTest =
  | { readonly argument: number; readonly equals: number }
  | { readonly argument: number; readonly anyOf: number };

/** If all tests hold, this is the verdict. */
export interface ArgumentCase {
  readonly tests: readonly ArgumentTest[];
  readonly verdict: Verdict;
}

/** What becomes of one call: the first case that holds, else the verdict. */
export interface CallRule {
  readonly number: number;
  readonly cases?: readonly ArgumentCase[];
  readonly verdict: Verdict;
}

export interface FilterTable {
  readonly rules: readonly CallRule[];
  /** For calls without a rule. */
  readonly otherwise: Verdict;
  /** For calls above `newestKnown`, which are younger than the table. */
  readonly newestKnown: number;
  readonly newer: Verdict;
}

/** [code, jt, jf, k] */
type Instruction = readonly [code: number, jt: number, jf: number, k: number];

/** Loads 32 bits of struct seccomp_data. */
function load(offset: number): Instruction {
  return [BPF_LD_W_ABS, 0, 0, offset];
}

function answer(verdict: Verdict): Instruction {
  return [BPF_RET_K, 0, 0, verdict];
}

function caseCode({ tests, verdict }: ArgumentCase): Instruction[] {
  const code: Instruction[] = [];
  tests.forEach((test, i) => {
    const skipped = 2 * (tests.length - 1 - i) + 1;
    const offset = SECCOMP_DATA.at.args + 8 * test.argument;
    const compare: Instruction = "equals" in test
      ? [BPF_JMP_JEQ_K, 0, skipped, test.equals]
      : [BPF_JMP_JSET_K, 0, skipped, test.anyOf];
    code.push(load(offset), compare);
  });
  return [...code, answer(verdict)];
}

function ruleCode(cases: readonly ArgumentCase[], verdict: Verdict): Instruction[] {
  return [...cases.flatMap(caseCode), answer(verdict)];
}

/** From this number on, up to the next segment, this code answers. */
interface Segment {
  readonly from: number;
  readonly code: readonly Instruction[];
}

/** The number line, cut where the answer changes. */
function segments({ rules, otherwise, newestKnown, newer }: FilterTable): Segment[] {
  const byNumber: (CallRule | undefined)[] = [];
  for (const rule of rules) byNumber[rule.number] = rule;
  const found: Segment[] = [];
  let last: Verdict | undefined;
  for (let number = 0; number <= newestKnown + 1; number++) {
    const fallback = number <= newestKnown ? otherwise : newer;
    const { cases, verdict } = byNumber[number] ?? { verdict: fallback };
    if (cases === undefined && verdict === last) continue;
    found.push({ from: number, code: ruleCode(cases ?? [], verdict) });
    last = cases === undefined ? verdict : undefined;
  }
  return found;
}

/**
 * Appends, last instruction first, the search for the segment of the loaded number: jumps go forward only, so the length of what
 * they pass over is known by then. A conditional jump reaches 255 instructions far.
 */
function searchBackwards(
  out: Instruction[],
  parts: readonly Segment[],
  first: number,
  end: number,
): void {
  if (end - first === 1) return void out.push(...parts[first].code.toReversed());
  const middle = (first + end) >> 1;
  searchBackwards(out, parts, middle, end);
  const start = out.length;
  searchBackwards(out, parts, first, middle);
  const passed = out.length - start;
  const k = parts[middle].from;
  if (passed <= 255) out.push([BPF_JMP_JGE_K, passed, 0, k]);
  else out.push([BPF_JMP_JA, 0, 0, passed], [BPF_JMP_JGE_K, 0, 1, k]);
}

/** The program's bytes: an array of struct sock_filter. Calls of any other architecture or ABI end the process. */
export function compileFilter(
  table: FilterTable,
  architecture: Architecture,
): Uint8Array<ArrayBuffer> {
  const isX86 = architecture === "x86_64";
  const code: Instruction[] = [];
  const parts = segments(table);
  searchBackwards(code, parts, 0, parts.length);
  if (isX86) {
    code.push(answer(SECCOMP_RET_KILL_PROCESS), [BPF_JMP_JGE_K, 0, 1, __X32_SYSCALL_BIT]);
  }
  code.push(
    load(SECCOMP_DATA.at.nr),
    answer(SECCOMP_RET_KILL_PROCESS),
    [BPF_JMP_JEQ_K, 1, 0, isX86 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64],
    load(SECCOMP_DATA.at.arch),
  );
  if (code.length > BPF_MAXINSNS) throw new RangeError(`filter of ${code.length} instructions`);
  return encode(code.reverse());
}

function encode(code: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(code.length * SOCK_FILTER.size);
  const view = new DataView(bytes.buffer);
  code.forEach((instruction, i) => {
    const at = i * SOCK_FILTER.size;
    view.setUint16(at + SOCK_FILTER.at.code, instruction[0], true);
    view.setUint8(at + SOCK_FILTER.at.jt, instruction[1]);
    view.setUint8(at + SOCK_FILTER.at.jf, instruction[2]);
    view.setUint32(at + SOCK_FILTER.at.k, instruction[3], true);
  });
  return bytes;
}

/**
 * Puts a compiled filter on every thread of the process, which must have no_new_privs; 0 or −errno. It adds to those that are
 * there, and each call gets the strictest of their answers.
 */
export function installFilter(program: Uint8Array<ArrayBuffer>): number {
  const fprog = new Uint8Array(SOCK_FPROG.size);
  const view = new DataView(fprog.buffer);
  view.setUint16(SOCK_FPROG.at.len, program.length / SOCK_FILTER.size, true);
  view.setBigUint64(SOCK_FPROG.at.filter, addressOf(program), true);
  // Refusals are logged. Kernels before 5.16 would switch off speculation, at a great cost, for programs with a filter: that
  // protects those that run foreign code from each other.
  const flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
    SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  const done = systemCall("seccomp", SECCOMP_SET_MODE_FILTER, flags, fprog);
  // A positive answer is a thread that has a filter of its own, which ours could not replace. `program` lives until here.
  return done > 0 || program.length === 0 ? -EBUSY : done;
}

/** An option that prctl(2) does not have: "hksm". */
const MARK_OPTION = 0x686b_736d;

/** The case of prctl's rule by which a filter is known: `mark` is 32 bits that stand for a policy. */
export function markCase(mark: number): ArgumentCase {
  const tests = [{ argument: 0, equals: MARK_OPTION }, { argument: 1, equals: mark }];
  return { tests, verdict: failWith(EALREADY) };
}

/**
 * Whether a filter with this mark is on this thread. Unlike a variable in the environment, only the filter can give the
 * answer, and it holds over an execve as long as the filter does. The kernel itself answers EINVAL.
 */
export function isMarked(mark: number): boolean {
  return systemCall("prctl", MARK_OPTION, mark) === -EALREADY;
}
