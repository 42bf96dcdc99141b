import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseArguments } from "../../../daemons/dmfilemapd/arguments.ts";

const GOOD = ["3", "0", "/var/tmp/data", "inode", "0", "0"];
const USAGE = "usage: dmfilemapd <fd> <group_id> <abs_path> <mode> [<foreground>[<log_level>]]";

function withWord(index: number, word: string): string[] {
  return GOOD.with(index, word);
}

function complaint(argv: readonly string[]): readonly string[] | undefined {
  const request = parseArguments(argv);
  return request.kind === "wrong" ? request.lines : undefined;
}

Deno.test("parseArguments reads what dmstats passes", () => {
  assertEquals(parseArguments(["3", "17", "/srv/a b", "path", "1", "3", "ignored"]), {
    kind: "follow",
    sandbox: true,
    follow: {
      fd: 3,
      groupId: 17n,
      path: "/srv/a b",
      mode: "path",
      foreground: true,
      verbose: 3,
    },
  });
});

Deno.test("parseArguments wants five words, as the original does, whatever its synopsis says", () => {
  assertEquals(complaint(GOOD.slice(0, 4)), ["Wrong number of arguments.", USAGE]);
  assertEquals(complaint([]), ["Wrong number of arguments.", USAGE]);
  assertEquals(complaint(GOOD.slice(0, 5)), undefined);
});

Deno.test("parseArguments complains in the original's words", () => {
  const cases: [number, string, string][] = [
    [0, "x", "Could not parse file descriptor: x"],
    [0, "3 ", "Could not parse file descriptor: 3 "],
    [0, "0x3", "Could not parse file descriptor: 0x3"],
    [0, "99999999999999999999", "Could not parse file descriptor: 99999999999999999999"],
    [1, "g", "Could not parse group identifier: g"],
    [2, "", "Path argument is required."],
    [2, "a", "Path argument must specify an absolute path."],
    [3, "", "Mode argument is required."],
    [3, "Inode", "Could not parse dmfilemapd mode: Inode"],
    [4, "yes", "Could not parse debug argument: yes."],
    [5, "v", "Could not parse verbose argument: v"],
    [5, "4", "Verbose argument out of range: 4."],
    [5, "-1", "Verbose argument out of range: -1."],
  ];
  for (const [index, word, text] of cases) assertEquals(complaint(withWord(index, word)), [text]);
});

Deno.test("parseArguments reports the first argument that is wrong", () => {
  assertEquals(complaint(["a", "b", "c", "d", "e", "f"]), ["Could not parse file descriptor: a"]);
  assertEquals(complaint(["1", "2", "/", "d", "e", "f"]), ["Could not parse dmfilemapd mode: d"]);
});

function followOf(argv: readonly string[]): Record<string, unknown> {
  const request = parseArguments(argv);
  return request.kind === "follow" ? { ...request.follow } : {};
}

Deno.test("parseArguments reads numbers as strtol and strtoull do", () => {
  assertEquals(followOf(withWord(0, "")).fd, 0);
  assertEquals(followOf(withWord(0, " \t+7")).fd, 7);
  assertEquals(followOf(withWord(0, "-1")).fd, -1);
  assertEquals(followOf(withWord(0, "4294967299")).fd, 3);
  assertEquals(followOf(withWord(1, "-1")).groupId, 18446744073709551615n);
  assertEquals(followOf(withWord(4, "-5")).foreground, true);
  assertEquals(followOf(withWord(4, "")).foreground, false);
  assertEquals(followOf(withWord(5, "")).verbose, 0);
});

Deno.test("parseArguments knows the words that are ours", () => {
  assertEquals(parseArguments(["--help"]), { kind: "help" });
  assertEquals(parseArguments(["--version"]), { kind: "version" });
  assertEquals(parseArguments(["--check-config"]), { kind: "check-config" });
  assertEquals(parseArguments(["status"]), { kind: "status", json: false });
  assertEquals(parseArguments(["status", "--json"]), { kind: "status", json: true });
  assertEquals(parseArguments(["status", "--xml"]).kind, "wrong");
  const request = parseArguments(["--no-sandbox", ...GOOD]);
  assertEquals(request.kind === "follow" && request.sandbox, false);
});

Deno.test("parseArguments never throws", () => {
  const word = fc.oneof(fc.string(), fc.constantFrom(...GOOD, "status", "--help", "--no-sandbox"));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 9 }), (argv) => {
      parseArguments(argv);
    }),
    { seed: 1, numRuns: 3000 },
  );
});
