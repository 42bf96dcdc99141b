import "../../bind_libc.ts";
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  checkConfig,
  CONFIG_MAX_BYTES,
  ConfigError,
  loadConfig,
  parseConfig,
  problemText,
  readSettings,
} from "../../../src/host/config.ts";
import type { ConfigValue } from "../../../src/host/config_grammar.ts";

const keys = [
  { name: "max_clients", type: "uint", default: "1024", help: "" },
  { name: "log_outputs", type: "string", default: "", help: "" },
] as const;

function settings(text: string): Record<string, number | string | undefined> {
  return readSettings(keys, parseConfig(text, "f"), "f");
}

Deno.test("parseConfig gives values with their lines, the first definition of a key", () => {
  const table = parseConfig("# c\nb = 'x' ; c=[1, 'y',]\n\nb = 2\nd = -3\n", "f");
  assertEquals([...table.values()].sort((a, b) => a.line - b.line || (a.key < b.key ? -1 : 1)), [
    { key: "b", value: { type: "string", value: "x" }, line: 2 },
    {
      key: "c",
      value: {
        type: "list",
        items: [{ type: "integer", value: 1n, negative: false }, { type: "string", value: "y" }],
      },
      line: 2,
    },
    { key: "d", value: { type: "integer", value: -3n, negative: true }, line: 5 },
  ]);
});

Deno.test("parseConfig throws ConfigError with file and line", () => {
  const error = assertThrows(() => parseConfig("a = 1\nb 2\n", "/etc/x.conf"), ConfigError);
  assertEquals(error.message, "/etc/x.conf:2: expecting an assignment");
  assertEquals([error.kind, error.line, error.what], ["syntax", 2, "expecting an assignment"]);
});

function written(value: ConfigValue): string {
  if (value.type === "integer") return String(value.value);
  if (value.type === "list") return `[ ${value.items.map(written).join(" ,\n")} ]`;
  const text = value.value;
  if (!/['\r\n]/.test(text)) return `'${text}'`;
  return /["\r\n]/.test(text) ? `"""${text}"""` : `"${text}"`;
}

Deno.test("parseConfig reads back any table that was written", () => {
  const integer = fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map(
    (value): ConfigValue => ({ type: "integer", value, negative: value < 0n }),
  );
  // Three quotes end a long string, and one in front of its end would belong to it.
  const text = fc.string({ unit: "grapheme" }).filter((s) =>
    !s.includes('"""') && !s.endsWith('"')
  );
  const string = text.map((value): ConfigValue => ({ type: "string", value }));
  const leaf = fc.oneof(integer, string);
  const list = fc.array(leaf, { maxLength: 3 }).map((items): ConfigValue => ({
    type: "list",
    items,
  }));
  const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,8}$/);
  const table = fc.uniqueArray(fc.tuple(key, fc.oneof(leaf, list)), { selector: ([k]) => k });
  const separator = fc.constantFrom("\n", ";", "\r\n", " # c\n", "\n# c\n");
  fc.assert(
    fc.property(table, separator, (entries, end) => {
      const text = entries.map(([key, value]) => `${key} = ${written(value)}${end}`).join("");
      const read = [...parseConfig(text, "f")].map(([key, { value }]) => [key, value]);
      assertEquals(new Map(read as []), new Map(entries));
    }),
    { seed: 20_240_305, numRuns: 2_000 },
  );
});

Deno.test("parseConfig answers any text with a table or a ConfigError", () => {
  const piece = fc.constantFrom(..."ab=;#'\"[],-+1 \n\r\t\0ü".split(""), '"""');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parseConfig(pieces.join(""), "f");
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }),
    { seed: 20_240_306, numRuns: 10_000 },
  );
});

Deno.test("checkConfig ends on any text", () => {
  const piece = fc.constantFrom(..."ab=;#'\"[],-+1 \n\r\t\0ü".split(""), '"""');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      checkConfig(keys, pieces.join(""), "f");
    }),
    { seed: 20_240_307, numRuns: 10_000 },
  );
});

Deno.test("readSettings gives numbers and strings of known keys only", () => {
  assertEquals(settings("max_clients = 5\nlog_outputs='3:stderr'\nother=1\n"), {
    max_clients: 5,
    log_outputs: "3:stderr",
  });
  assertEquals(settings(""), {});
});

Deno.test("readSettings throws for the first wrong key in the manifest's order", () => {
  const message = (text: string): string => assertThrows(() => settings(text), ConfigError).message;
  assertEquals(
    message("log_outputs=5\nmax_clients='a'\n"),
    "f: expected an unsigned integer for 'max_clients' parameter",
  );
  assertEquals(message("log_outputs=5\n"), "f: expected a string for 'log_outputs' parameter");
  assertEquals(
    message("max_clients=4294967296\n"),
    "f: value for 'max_clients' parameter must be in range 0:4294967295",
  );
  assertEquals(message("max_clients=-1\n").includes("expected an unsigned integer"), true);
});

Deno.test("loadConfig takes a missing file for an empty one only when it is optional", () => {
  assertEquals(loadConfig("/nowhere/x.conf", true).size, 0);
  const error = assertThrows(() => loadConfig("/nowhere/x.conf", false), ConfigError);
  assertEquals(error.kind, "file");
  assertEquals(
    error.message,
    "Failed to open file '/nowhere/x.conf': No such file or directory",
  );
  assertThrows(() => loadConfig("/proc/self", true), ConfigError);
});

Deno.test("loadConfig refuses a file over the limit", () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.truncateSync(path, CONFIG_MAX_BYTES + 1);
    const error = assertThrows(() => loadConfig(path, false), ConfigError);
    assertEquals(error.kind, "file");
    assertEquals(error.what.includes(`longer than ${CONFIG_MAX_BYTES} bytes`), true, error.what);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("checkConfig lists every problem by line, with the daemon's own checks", () => {
  const text = [
    "max_clients = 'a'",
    "nonsense",
    "other = 1",
    "log_outputs = 'x'",
    "max_clients = 5",
    "a = ",
  ].join("\n") + "\n";
  const checks = new Map([["log_outputs", (value: number | string) => `bad output ${value}`]]);
  const problems = checkConfig(keys, text, "f", checks).map((p) => problemText("f", p));
  assertEquals(problems, [
    "f:1:max_clients: expected an unsigned integer for 'max_clients' parameter",
    "f:2: expecting an assignment",
    "f:3:other: warning: unknown key, ignored",
    "f:4:log_outputs: bad output x",
    "f:5:max_clients: warning: set already in line 1, ignored",
    "f:6: expecting a value",
  ]);
});

Deno.test("checkConfig finds nothing wrong with a right file", () => {
  assertEquals(checkConfig(keys, "max_clients=5\n# c\nlog_outputs=''\n", "f"), []);
});
