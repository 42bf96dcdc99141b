/**
 * Every number that our code shares with C, checked against the installed headers by a generated C program.
 *
 * The convention, for each file of ffi/ (and any other that needs it):
 * - `export const CONSTANTS = { NAME: number, … }`: C's constants by C's names, or constant expressions. A plain exported
 *   UPPER_CASE number (errno.ts) counts as one, too.
 * - `export const STRUCTS = [layout("struct x", …), …]`: the size, and the offset, width and sign of every field. Filler for
 *   what C names otherwise is called `pad…`, `rest…`, `owners` or begins with `_`.
 * - `export const SIZES = { "c type": bytes }`: sizeof.
 * - HEADERS in headers.ts says which headers a file's names come from: add your file there.
 */
import { assertEquals } from "@std/assert";
import { type Architecture, NEWEST_KNOWN_SYSCALL, SYSCALLS } from "../../ffi/syscalls.ts";
import { root, runDeno } from "../../tasks/toolchain.ts";
import { hasCompiler, judge, type Judgement, program } from "./c_compiler.ts";
import { type Claim, claimsOf } from "./claims.ts";
import { HEADERS } from "./headers.ts";

const COMPILERS: Readonly<Record<Architecture, string>> = {
  x86_64: Deno.build.arch === "x86_64" ? "gcc" : "x86_64-linux-gnu-gcc",
  aarch64: Deno.build.arch === "aarch64" ? "gcc" : "aarch64-linux-gnu-gcc",
};

async function claimsOn(architecture: Architecture): Promise<Record<string, Claim[]>> {
  const script = ["run", "--allow-ffi", "--allow-read", "tests/ffi/print_claims.ts", architecture];
  const printed = await runDeno(script);
  if (!printed.success) throw new Error(printed.output);
  return JSON.parse(printed.stdout);
}

/** What the compiler says of the claims that `belongs` picks, by file. */
async function judgeAll(
  architecture: Architecture,
  belongs: (claim: Claim) => boolean,
): Promise<Judgement> {
  const claims = await claimsOn(architecture);
  const all = { wrong: [] as string[], unknown: [] as string[] };
  for (const [path, headers] of Object.entries(HEADERS)) {
    const source = program(headers, claims[path].filter(belongs));
    const { wrong, unknown } = await judge(COMPILERS[architecture], source);
    all.wrong.push(...wrong.map((text) => `${path}: ${text}`));
    all.unknown.push(...unknown);
  }
  return all;
}

const isYoung = ({ guard }: Claim): boolean => guard !== undefined;

for (const architecture of ["x86_64", "aarch64"] as const) {
  const compiler = COMPILERS[architecture];
  const name = `constants and structures are those of the ${architecture} headers`;
  const ignore = !await hasCompiler(compiler);
  if (ignore) console.log(`SKIPPED ${name}: no ${compiler}`);
  Deno.test(name, { ignore }, async () => {
    const { wrong } = await judgeAll(architecture, (claim) => !isYoung(claim));
    assertEquals(wrong, []);
  });
}

const young = await judgeAll(Deno.build.arch, isYoung);
const youngTest = "constants younger than Linux 6.1 are those of the headers";
const unknown = [...new Set(young.unknown)].join(" ");
// What these do is shown by the tests of the calls that take them.
if (unknown !== "") console.log(`SKIPPED ${youngTest}: not in these headers: ${unknown}`);
Deno.test(youngTest, { ignore: unknown !== "" }, () => assertEquals(young.wrong, []));

// Modules of ffi/ open the C library when they are loaded, and never close it.
Deno.test("every file that repeats numbers of C is held against headers", {
  sanitizeResources: false,
}, async () => {
  const files = (await Array.fromAsync(Deno.readDir(`${root}/ffi`))).map(({ name }) =>
    `ffi/${name}`
  );
  const claiming: string[] = [];
  for (const path of files.sort()) {
    if (path === "ffi/syscalls.ts") continue; // below, since its table has both architectures
    const claims = claimsOf(await import(`${root}/${path}`));
    if (claims.length > 0) claiming.push(path);
  }
  assertEquals(claiming, Object.keys(HEADERS).filter((path) => path.startsWith("ffi/")));
});

/** As arch/arm64/include/uapi/asm/unistd.h has it: the generic table with these additions. */
const AARCH64_TABLE = ["RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "TIME32_SYSCALLS", "SYS_CLONE3"]
  .map((name) => `#define __ARCH_WANT_${name}`);
const SYSCALL_HEADERS: Readonly<Record<Architecture, readonly string[]>> = {
  x86_64: ["asm/unistd_64.h"],
  aarch64: ["asm-generic/unistd.h"],
};

for (const [column, architecture] of (["x86_64", "aarch64"] as const).entries()) {
  const ignore = architecture === "x86_64" && Deno.build.arch !== "x86_64";
  const name = `SYSCALLS has the numbers of ${architecture}, and none where it has none`;
  if (ignore) console.log(`SKIPPED ${name}: its table is on x86-64 machines only`);
  Deno.test(name, { ignore }, async () => {
    const numbers = Object.entries(SYSCALLS).map(([call, row]): [string, number] => [
      call,
      row[column],
    ]);
    const absent = numbers.filter(([, number]) => number < 0).map(([call]) => call);
    const claims = numbers.filter(([, number]) => number >= 0)
      .map(([call, value]) => ({ expression: `__NR_${call}`, value }));
    const guards = absent.map((call) =>
      `#ifdef __NR_${call}\n_Static_assert(0, "__NR_${call} exists");\n#endif`
    );
    const source = program(SYSCALL_HEADERS[architecture], claims, AARCH64_TABLE);
    assertEquals((await judge("gcc", source + guards.join("\n"))).wrong, []);
  });
}

Deno.test("NEWEST_KNOWN_SYSCALL is the last of Linux 6.1", async () => {
  const claims = [{ expression: "__NR_set_mempolicy_home_node", value: NEWEST_KNOWN_SYSCALL }];
  const source = program(["asm-generic/unistd.h"], claims, AARCH64_TABLE);
  assertEquals((await judge("gcc", source)).wrong, []);
});

Deno.test("judge finds a wrong constant, offset, width and sign", async () => {
  const claims = [
    { expression: "EPERM", value: 2 },
    { expression: "offsetof(struct flock, l_start)", value: 4 },
    { expression: "sizeof(((struct flock *)0)->l_start)", value: 4 },
    { expression: "EIO", value: 5 },
  ];
  const { wrong } = await judge("gcc", program(["errno.h", "fcntl.h"], claims));
  assertEquals(wrong, [
    "EPERM is not 2",
    "offsetof(struct flock, l_start) is not 4",
    "sizeof(((struct flock *)0)->l_start) is not 4",
  ]);
});

Deno.test("claimsOf makes a claim about size, offset, width and sign of every field", async () => {
  const { STRUCTS } = await import("../../ffi/poll.ts");
  const claims = claimsOf({ STRUCTS });
  const wrong = claims.map((claim) => ({ ...claim, value: claim.value + 7 }));
  const judgement = await judge("gcc", program(["poll.h"], wrong));
  assertEquals([claims.length, judgement.wrong.length], [1 + 3 * 3, 1 + 3 * 3]);
});
