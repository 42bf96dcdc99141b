import { assertEquals } from "@std/assert";
import { isMatched } from "../../../src/host/log_filter.ts";
import { Random } from "../../fuzz/random.ts";

const CATEGORY = "locking.lock_daemon";

for (
  const [pattern, expected] of [
    ["", true],
    ["*", true],
    ["lock", true],
    ["daemon", true],
    ["locking.lock_daemon", true],
    ["g.l", true],
    ["gxl", false],
    ["g?l", true],
    ["k*k*k", false],
    ["k*k", true],
    ["daemon?", false],
    ["?locking", false],
    ["*n", true],
    ["l*_*n", true],
    ["l*_*nn", false],
    ["[a-z]", false],
  ] as const
) {
  Deno.test(`isMatched finds ${expected ? "" : "nothing of "}"${pattern}" in a category`, () =>
    assertEquals(isMatched(CATEGORY, pattern), expected));
}

Deno.test("isMatched says what a regular expression says, of short patterns", () => {
  const random = new Random(7);
  const word = (letters: string, longest: number): string =>
    Array.from({ length: random.below(longest) }, () => random.pick([...letters])).join("");
  for (let n = 0; n < 20_000; n++) {
    const [text, pattern] = [word("ab", 9), word("ab*?", 6)];
    const expression = new RegExp(pattern.replaceAll("*", ".*").replaceAll("?", "."));
    assertEquals(isMatched(text, pattern), expression.test(text), `"${text}" "${pattern}"`);
  }
});

Deno.test("isMatched takes patterns of megabytes, and any number of stars", () => {
  assertEquals(isMatched(CATEGORY, "n".repeat(4_000_000)), false);
  assertEquals(isMatched(CATEGORY, `${"*".repeat(4_000_000)}n`), true);
  assertEquals(isMatched(CATEGORY, `${"*".repeat(40)}Z`), false);
  assertEquals(isMatched(CATEGORY, `${"*a".repeat(1_000_000)}Z`), false);
});
