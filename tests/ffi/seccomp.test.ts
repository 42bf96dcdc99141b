/** Filters: compiled ones against an interpreter of ours, and their effect in children. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { EACCES, EAFNOSUPPORT, ENOSYS, EPERM } from "../../ffi/errno.ts";
import {
  type ArgumentTest,
  type CallRule,
  compileFilter,
  failWith,
  type FilterTable,
  markCase,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_KILL_PROCESS,
} from "../../ffi/seccomp.ts";
import { type Architecture, syscallNumber } from "../../ffi/syscalls.ts";
import type { Attempt } from "./attempts.ts";
import { runFilter } from "./bpf.ts";
import { runChild } from "./child.ts";
import type { SeccompOrder } from "./seccomp_child.ts";

const AUDIT_ARCH: Readonly<Record<Architecture, number>> = {
  x86_64: 0xc000_003e,
  aarch64: 0xc000_00b7,
};
const AUDIT_ARCH_I386 = 0x4000_0003;

/** What a table means, said as plainly as can be. */
function meaning(table: FilterTable, number: number, args: readonly bigint[]): number {
  const rule = table.rules.find((one) => one.number === number);
  if (rule === undefined) return number > table.newestKnown ? table.newer : table.otherwise;
  const low = (test: ArgumentTest): number => Number(args[test.argument] & 0xffff_ffffn);
  const holds = (test: ArgumentTest): boolean =>
    "equals" in test ? low(test) === test.equals : (low(test) & test.anyOf) !== 0;
  return rule.cases?.find(({ tests }) => tests.every(holds))?.verdict ?? rule.verdict;
}

const verdicts = fc.constantFrom(
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_KILL_PROCESS,
  failWith(EPERM),
  failWith(ENOSYS),
);
const word = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const argumentTest: fc.Arbitrary<ArgumentTest> = fc.tuple(fc.nat(5), word, fc.boolean())
  .map(([argument, value, equal]) =>
    equal ? { argument, equals: value } : { argument, anyOf: value }
  );
const cases = fc.array(
  fc.record({ tests: fc.array(argumentTest, { minLength: 1, maxLength: 3 }), verdict: verdicts }),
  { minLength: 1, maxLength: 3 },
);
const rule: fc.Arbitrary<CallRule> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ number: fc.nat(450), verdict: verdicts }) },
  { weight: 1, arbitrary: fc.record({ number: fc.nat(450), verdict: verdicts, cases }) },
);
const table: fc.Arbitrary<FilterTable> = fc.record({
  rules: fc.uniqueArray(rule, { maxLength: 300, selector: ({ number }) => number }),
  otherwise: verdicts,
  newestKnown: fc.constant(450),
  newer: verdicts,
});
const argument = fc.oneof(
  fc.bigInt({ min: 0n, max: 3n }),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);
const sixArguments = fc.array(argument, { minLength: 6, maxLength: 6 });

for (const architecture of ["x86_64", "aarch64"] as const) {
  Deno.test(`compileFilter means its table, on ${architecture}`, () => {
    fc.assert(
      fc.property(table, sixArguments, (one, args) => {
        const program = compileFilter(one, architecture);
        for (let number = 0; number < 460; number++) {
          const call = { number, architecture: AUDIT_ARCH[architecture], args };
          assertEquals(runFilter(program, call).verdict, meaning(one, number, args));
        }
      }),
      { seed: 20240607, numRuns: 100 },
    );
  });
}

const allowAll: FilterTable = {
  rules: [],
  otherwise: SECCOMP_RET_ALLOW,
  newestKnown: 450,
  newer: SECCOMP_RET_ALLOW,
};

Deno.test("compileFilter kills calls of another architecture, and of x32", () => {
  const args = [0n, 0n, 0n, 0n, 0n, 0n];
  for (const architecture of ["x86_64", "aarch64"] as const) {
    const program = compileFilter(allowAll, architecture);
    for (const other of [AUDIT_ARCH_I386, 0, AUDIT_ARCH[architecture] ^ 1]) {
      const { verdict } = runFilter(program, { number: 0, architecture: other, args });
      assertEquals(verdict, SECCOMP_RET_KILL_PROCESS);
    }
  }
  const program = compileFilter(allowAll, "x86_64");
  for (const number of [0x4000_0000, 0x4000_0200, 0xffff_ffff]) {
    const call = { number, architecture: AUDIT_ARCH.x86_64, args };
    assertEquals(runFilter(program, call).verdict, SECCOMP_RET_KILL_PROCESS);
  }
});

Deno.test("compileFilter finds any call among 200 rules within 17 instructions", () => {
  const rules = Array.from({ length: 200 }, (_, i) => ({ number: 2 * i, verdict: failWith(i) }));
  const program = compileFilter({ ...allowAll, rules }, "x86_64");
  const steps = Array.from({ length: 451 }, (_, number) =>
    runFilter(program, {
      number,
      architecture: AUDIT_ARCH.x86_64,
      args: [0n, 0n, 0n, 0n, 0n, 0n],
    }).steps);
  // 4 before the search, 9 levels of it, a few long jumps, the answer.
  assert(Math.max(...steps) <= 17, `${Math.max(...steps)} instructions`);
});

function number(name: string): number {
  const found = syscallNumber(name);
  if (found === undefined) throw new RangeError(name);
  return found;
}

function withRules(...rules: CallRule[]): FilterTable {
  return { ...allowAll, rules };
}

/** The lines a child printed before it ended, as numbers, and the signal that ended it. */
async function lines(order: SeccompOrder): Promise<{ printed: number[]; signal: string | null }> {
  const { stdout, stderr, signal } = await runChild("seccomp_child.ts", order);
  if (stdout === "") throw new Error(stderr);
  return { printed: stdout.trim().split("\n").map(Number), signal };
}

async function tried(table: FilterTable, ...attempts: Attempt[]): Promise<number[]> {
  const { printed, signal } = await lines({ tables: [table], attempts });
  assertEquals([printed[0], signal], [0, null]);
  return printed.slice(1);
}

// The parent of these opens the C library for its errno numbers.
function testEffect(name: string, body: () => Promise<void>, unless = ""): void {
  if (unless !== "") console.log(`SKIPPED ${name}: ${unless}`);
  Deno.test(name, { sanitizeResources: false, ignore: unless !== "" }, body);
}

testEffect("installFilter makes a call fail with its errno", async () => {
  const rules = [{ number: number("unshare"), verdict: failWith(EAFNOSUPPORT) }];
  assertEquals(await tried(withRules(...rules), ["unshare"]), [EAFNOSUPPORT]);
});

testEffect("installFilter lets arguments decide", async () => {
  const unixOnly = [{ tests: [{ argument: 0, equals: 1 }], verdict: SECCOMP_RET_ALLOW }];
  const rule = { number: number("socket"), cases: unixOnly, verdict: failWith(EAFNOSUPPORT) };
  const attempts: Attempt[] = [["socket", "1"], ["socket", "2"], ["socket", "16"]];
  assertEquals(await tried(withRules(rule), ...attempts), [0, EAFNOSUPPORT, EAFNOSUPPORT]);
});

testEffect("installFilter ends the process where the table says kill", async () => {
  const table = withRules({ number: number("chroot"), verdict: SECCOMP_RET_KILL_PROCESS });
  const attempts: Attempt[] = [["socket", "1"], ["chroot"], ["socket", "1"]];
  const outcome = await lines({ tables: [table], attempts });
  assertEquals(outcome, { printed: [0, 0], signal: "SIGSYS" });
});

testEffect("installFilter ends the process at an x32 call", async () => {
  const outcome = await lines({ tables: [allowAll], attempts: [["x32", "39"]] });
  assertEquals(outcome, { printed: [0], signal: "SIGSYS" });
}, Deno.build.arch === "x86_64" ? "" : "x32 is an ABI of x86-64");

testEffect("installFilter stacks: the strictest filter decides", async () => {
  const refusing = withRules({ number: number("unshare"), verdict: failWith(EAFNOSUPPORT) });
  const order = { tables: [refusing, allowAll], attempts: [["unshare"]] as Attempt[] };
  assertEquals((await lines(order)).printed, [0, 0, EAFNOSUPPORT]);
});

testEffect("installFilter covers every thread", async () => {
  const { printed } = await lines({ tables: [allowAll], attempts: [], countThreads: true });
  const [installed, threads, filtered] = printed;
  assertEquals([installed, filtered], [0, threads]);
  assert(threads > 1, "the child has one thread only");
});

testEffect("isMarked finds the marks of the filters that are on, and no other", async () => {
  const marked = (mark: number): FilterTable =>
    withRules({ number: number("prctl"), cases: [markCase(mark)], verdict: SECCOMP_RET_ALLOW });
  const tables = [marked(0x8765_4321), marked(7)];
  const marks = [0x8765_4321, 7, 8, 0];
  const { printed } = await lines({ tables, marks, attempts: [] });
  assertEquals(printed, [0, 0, 1, 1, 0, 0]);
  assertEquals((await lines({ tables: [], marks, attempts: [] })).printed, [0, 0, 0, 0]);
});

testEffect("installFilter says EACCES without no_new_privs and CAP_SYS_ADMIN", async () => {
  const order = { tables: [allowAll], noNewPrivileges: false, attempts: [] };
  const asRoot = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
  const { stdout, stderr } = await runChild(
    "seccomp_child.ts",
    order,
    Deno.uid() === 0 ? asRoot : [],
  );
  assertEquals([stdout, stderr], [`-${EACCES}\n`, ""]);
});
