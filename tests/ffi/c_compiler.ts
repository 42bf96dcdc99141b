/** Lets a C compiler judge claims: one static assertion each, so that nothing has to run. */
import type { Claim } from "./claims.ts";

/** What a compiler says: the claims that are wrong, and the macros its headers are too old for. */
export interface Judgement {
  readonly wrong: string[];
  readonly unknown: string[];
}

function assertion({ expression, value, guard }: Claim): string {
  const text = `${expression} is not ${value}`;
  const check = `_Static_assert((long long)(${expression}) == ${value}LL, ${
    JSON.stringify(text)
  });`;
  if (guard === undefined) return check;
  const pragma = `#pragma message("too old for: ${guard}")`;
  return `#ifdef ${guard}\n${check}\n#else\n${pragma}\n#endif`;
}

/** The C program that holds the claims against the headers. `before`: lines ahead of the headers. */
export function program(
  headers: readonly string[],
  claims: readonly Claim[],
  before: readonly string[] = [],
): string {
  return [
    "#define _GNU_SOURCE",
    "#include <stddef.h>",
    ...before,
    ...headers.map((header) => `#include <${header}>`),
    ...claims.map(assertion),
    "",
  ].join("\n");
}

const SYNTAX_ONLY = ["-x", "c", "-std=gnu11", "-fsyntax-only", "-fno-diagnostics-color", "-w"];
const HEADERS_OF_OTHERS = ["-idirafter", "/usr/include"];

/** Compiles without output. Throws an Error for anything in the program that is no assertion gone wrong. */
export async function judge(compiler: string, source: string): Promise<Judgement> {
  const child = new Deno.Command(compiler, {
    // A cross compiler has the C library's headers; those of other libraries are the same for all, and here.
    args: [...SYNTAX_ONLY, ...HEADERS_OF_OTHERS, "-"],
    env: { LC_ALL: "C" },
    stdin: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { success, stderr } = await child.output();
  const text = new TextDecoder().decode(stderr);
  const lines = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map((m) => m[1]);
  const errors = lines(/error: (.*)/g);
  const wrong = lines(/error: static assertion failed: "(.*)"/g);
  if (errors.length > wrong.length || success !== (errors.length === 0)) throw new Error(text);
  return { wrong, unknown: lines(/#pragma message: too old for: (\w+)/g) };
}

/** Whether the machine has this compiler. */
export async function hasCompiler(compiler: string): Promise<boolean> {
  try {
    return (await new Deno.Command(compiler, { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
