import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  checkLevel,
  chooseLogSettings,
  defaultOutput,
  LogSettingError,
  logSettingProblem,
  type LogSources,
  parseFilters,
  parseLevel,
  parseOutputs,
  printFilters,
  printOutputs,
} from "../../../daemons/virtlockd/log_settings.ts";
import type { LogOutput, LogPriority } from "../../../src/host/log_types.ts";

const surroundings = {
  daemonized: false,
  stdinIsTerminal: false,
  hasJournal: false,
  logFile: "/var/log/libvirt/virtlockd.log",
};
const nothing: LogSources = {
  environment: new Map(),
  verbose: false,
  directory: "/cwd",
  surroundings,
};

function problem(run: () => unknown): string {
  return assertThrows(run, LogSettingError).message;
}

/** The texts were seen from the C daemon (libvirt 9.0.0). */
const outputProblems: [string, string][] = [
  ["stderr", "Malformed format for log output 'stderr'"],
  ["1", "Malformed format for log output '1'"],
  [":", "Invalid log priority '' for log output ':'"],
  ["9:stderr", "Invalid log priority '9' for log output '9:stderr'"],
  ["0:stderr", "Invalid log priority '0' for log output '0:stderr'"],
  ["0x1:stderr", "Invalid log priority '0x1' for log output '0x1:stderr'"],
  ["-1:stderr", "Invalid log priority '-1' for log output '-1:stderr'"],
  ["4294967297:stderr", "Invalid log priority '4294967297' for log output '4294967297:stderr'"],
  ["1:foo", "Invalid log destination 'foo' for log output '1:foo'"],
  ["1:", "Invalid log destination '' for log output '1:'"],
  ["1:stdErr", "Invalid log destination 'stdErr' for log output '1:stdErr'"],
  [
    "1:stderr:x",
    "Log output '1:stderr:x' does not meet the format requirements for destination type 'stderr'",
  ],
  [
    "1:file",
    "Log output '1:file' does not meet the format requirements for destination type 'file'",
  ],
  [
    "1:file:/a:b",
    "Log output '1:file:/a:b' does not meet the format requirements for destination type 'file'",
  ],
  ["1:stderr x", "Malformed format for log output 'x'"],
];

Deno.test("parseOutputs says what libvirt says", () => {
  for (const [text, message] of outputProblems) {
    assertEquals(problem(() => parseOutputs(text, "/")), message);
  }
});

Deno.test("parseOutputs keeps the last of two outputs for one place", () => {
  const text = "1:file:/run/a 2:file:/run/b 3:file:/run/a 4:stderr  3:stderr 3:syslog:a 4:syslog:b";
  assertEquals(
    printOutputs(parseOutputs(text, "/")),
    "2:file:/run/b 3:file:/run/a 3:stderr 3:syslog:a 4:syslog:b",
  );
});

Deno.test("parseOutputs makes file names absolute and plain", () => {
  const file = (path: string): string | undefined =>
    parseOutputs(`1:file:${path}`, "/c/d")[0].argument;
  assertEquals(file("rel"), "/c/d/rel");
  assertEquals(file("/run/./x/../y"), "/run/y");
  assertEquals(file("/run//z"), "/run/z");
  assertEquals(file("../../../a"), "/a");
  assertEquals(file(""), "/c/d");
});

Deno.test("printOutputs and parseOutputs are inverse", () => {
  const level = fc.constantFrom<LogPriority>(1, 2, 3, 4);
  const name = fc.stringMatching(/^[a-z0-9.-]{1,8}$/).filter((s) => s !== "." && s !== "..");
  const output = fc.oneof(
    fc.record({ level, destination: fc.constantFrom("stderr", "journald") }),
    fc.record({ level, destination: fc.constant("syslog"), argument: name }),
    fc.record({ level, destination: fc.constant("file"), argument: name.map((s) => `/${s}`) }),
  ) as fc.Arbitrary<LogOutput>;
  const place = (o: LogOutput): string => `${o.destination}:${o.argument}`;
  fc.assert(
    fc.property(fc.uniqueArray(output, { selector: place }), (outputs) => {
      assertEquals(parseOutputs(printOutputs(outputs), "/"), outputs);
    }),
    { seed: 20_240_308, numRuns: 1_000 },
  );
});

Deno.test("parseFilters says what libvirt says", () => {
  const message = (text: string): string => problem(() => parseFilters(text));
  assertEquals(message("x"), "Malformed format for filter 'x'");
  assertEquals(message(" 1:a x"), "Malformed format for filter 'x'");
  assertEquals(message("7:x"), "Invalid priority '7' for filter '7:x'");
  assertEquals(message(":a"), "Invalid priority '' for filter ':a'");
  assertEquals(message("1x:a"), "Invalid priority '1x' for filter '1x:a'");
  assertEquals(message("1:+"), "Invalid match string '+'");
  assertEquals(message("1:"), "Invalid match string ''");
});

Deno.test("printFilters shows filters as libvirt does, the last blank included", () => {
  assertEquals(
    printFilters(parseFilters("1:*foo* 3:+a?b  2:x:y +1:foo 01:a")),
    "1:**foo** 3:*a?b* 2:*x* 1:*foo* 1:*a* ",
  );
  assertEquals(printFilters(parseFilters(" ")), "");
});

Deno.test("parseLevel and checkLevel take 1 to 4, by name too, and 0 for unset", () => {
  assertEquals(["1", "debug", "4", "error"].map(parseLevel), [1, 1, 4, 4]);
  for (const text of ["", "0", "5", "x", "01", "Debug", "12"]) {
    const message = `Failed to set logging priority, argument '${text}' is invalid`;
    assertEquals(problem(() => parseLevel(text)), message);
  }
  assertEquals([checkLevel(0), checkLevel(4)], [undefined, 4]);
  assertEquals(
    problem(() => checkLevel(9)),
    "Failed to set logging priority, argument '9' is invalid",
  );
});

Deno.test("defaultOutput takes the journal, else what the start leaves", () => {
  const choose = (change: Partial<typeof surroundings>, level: LogPriority = 3): string =>
    printOutputs([defaultOutput(level, { ...surroundings, ...change })]);
  assertEquals(choose({}), "3:stderr");
  assertEquals(choose({ hasJournal: true }), "3:journald");
  assertEquals(choose({ hasJournal: true }, 1), "2:journald");
  assertEquals(choose({ hasJournal: true, stdinIsTerminal: true }), "3:stderr");
  assertEquals(choose({ daemonized: true, stdinIsTerminal: true, hasJournal: true }), "3:journald");
  assertEquals(choose({ daemonized: true }, 1), "1:file:/var/log/libvirt/virtlockd.log");
});

Deno.test("chooseLogSettings prefers the command line to the environment to the file", () => {
  const choose = (change: Partial<LogSources>): [number, string, string] => {
    const { level, filters, outputs } = chooseLogSettings({ ...nothing, ...change });
    return [level, printFilters(filters), printOutputs(outputs)];
  };
  const environment = new Map([
    ["LIBVIRT_DEBUG", "4"],
    ["LIBVIRT_LOG_FILTERS", "3:env"],
    ["LIBVIRT_LOG_OUTPUTS", "3:file:/run/q"],
  ]);
  const file = { log_level: 2, log_filters: "4:file", log_outputs: "4:stderr" };
  assertEquals(choose({}), [3, "", "3:stderr"]);
  assertEquals(choose(file), [2, "4:*file* ", "4:stderr"]);
  assertEquals(choose({ ...file, environment }), [4, "3:*env* ", "3:file:/run/q"]);
  assertEquals(choose({ environment, verbose: true }), [2, "3:*env* ", "3:file:/run/q"]);
  assertEquals(choose({ log_level: 1, verbose: true }), [1, "", "1:stderr"]);
  const empty = new Map([["LIBVIRT_DEBUG", ""], ["LIBVIRT_LOG_OUTPUTS", ""]]);
  assertEquals(choose({ ...file, environment: empty }), [2, "4:*file* ", "4:stderr"]);
});

Deno.test("chooseLogSettings checks the file first, in the original's order, even what does not count", () => {
  const message = (change: Partial<LogSources>): string =>
    problem(() => chooseLogSettings({ ...nothing, ...change }));
  const environment = new Map([["LIBVIRT_DEBUG", "2"], ["LIBVIRT_LOG_OUTPUTS", "3:stderr"]]);
  const bad = { log_level: 9, log_filters: "x", log_outputs: "y" };
  assertEquals(message({ ...bad, environment }).includes("argument '9'"), true);
  assertEquals(message({ ...bad, log_level: 0, environment }), "Malformed format for filter 'x'");
  const { log_outputs } = bad;
  assertEquals(message({ log_outputs, environment }), "Malformed format for log output 'y'");
  const both = new Map([["LIBVIRT_DEBUG", "x"], ["LIBVIRT_LOG_FILTERS", "z"]]);
  assertEquals(message({ log_outputs, environment: both }), "Malformed format for log output 'y'");
  assertEquals(message({ environment: both }).includes("argument 'x'"), true);
});

Deno.test("logSettingProblem names what is wrong with a log key, and nothing else", () => {
  assertEquals(logSettingProblem("log_level", 3), undefined);
  assertEquals(logSettingProblem("log_filters", "1:"), "Invalid match string ''");
  assertEquals(logSettingProblem("log_outputs", "3:stderr"), undefined);
  assertEquals(logSettingProblem("max_clients", 9), undefined);
});

Deno.test("parseOutputs and parseFilters take no more than a thousand", () => {
  const words = (count: number, word: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => word(i)).join(" ");
  const file = (i: number): string => `1:file:/${i}`;
  assertEquals(parseOutputs(words(1000, file), "/").length, 1000);
  assertEquals(parseFilters(words(1000, () => "1:a")).length, 1000);
  const text = "More than 1000 log outputs or filters";
  assertEquals(problem(() => parseOutputs(words(1001, file), "/")), text);
  assertEquals(problem(() => parseFilters(words(1001, () => "1:a"))), text);
  assertEquals(logSettingProblem("log_filters", words(1_048_575, () => "1:a")), text);
});
