import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type CommandLine, parseCommandLine } from "../../../src/host/cli.ts";
import type { OptionSpec } from "../../../src/host/manifest.ts";

const options: OptionSpec[] = [
  { long: "verbose", short: "v", help: "" },
  { long: "version", short: "V", help: "" },
  { long: "config", short: "f", argument: "file", help: "" },
  { long: "control", argument: "path", help: "", extension: true },
];
const manifest = {
  options,
  commands: [{ name: "status", help: "", options: [{ long: "json", short: "j", help: "" }] }],
};

function parse(...argv: string[]): CommandLine {
  return parseCommandLine(manifest, argv);
}

Deno.test("parseCommandLine keeps the order of options and the last value of each", () => {
  const { given, options, operands, failure } = parse("-vf", "a", "x", "--config=b", "-V");
  assertEquals(given, [
    { name: "verbose", value: true },
    { name: "config", value: "a" },
    { name: "config", value: "b" },
    { name: "version", value: true },
  ]);
  assertEquals(options.get("config"), "b");
  assertEquals(operands, ["x"]);
  assertEquals(failure, undefined);
});

Deno.test("parseCommandLine gives the options in front of what is wrong", () => {
  const { given, failure } = parse("-V", "--bad", "-v");
  assertEquals(given, [{ name: "version", value: true }]);
  assertEquals(failure, "unrecognized option '--bad'");
});

Deno.test("parseCommandLine says what glibc says", () => {
  assertEquals(parse("-vx").failure, "invalid option -- 'x'");
  assertEquals(parse("-f").failure, "option requires an argument -- 'f'");
  assertEquals(parse("--config").failure, "option '--config' requires an argument");
  assertEquals(parse("--verbose=").failure, "option '--verbose' doesn't allow an argument");
  assertEquals(parse("--bad=1").failure, "unrecognized option '--bad=1'");
  assertEquals(
    parse("--ver").failure,
    "option '--ver' is ambiguous; possibilities: '--verbose' '--version'",
  );
});

Deno.test("parseCommandLine lets an extension neither be abbreviated nor take a prefix away", () => {
  assertEquals(parse("--con", "a").options, new Map([["config", "a"]]));
  assertEquals(parse("--contr", "a").failure, "unrecognized option '--contr'");
  assertEquals(parse("--control", "a").options, new Map([["control", "a"]]));
  assertEquals(parse("--control=a=b").options, new Map([["control", "a=b"]]));
});

Deno.test("parseCommandLine knows a subcommand as the first operand only, and its options behind it", () => {
  const line = parse("-v", "status", "--json", "more");
  assertEquals(line.command?.name, "status");
  assertEquals([...line.options.keys()], ["verbose", "json"]);
  assertEquals(line.operands, ["more"]);
  assertEquals(parse("x", "status").command, undefined);
  assertEquals(parse("--", "status").command?.name, "status");
  assertEquals(parse("--json", "status").failure, "unrecognized option '--json'");
  assertEquals(parse("status", "--js").failure, "unrecognized option '--js'");
  assertEquals(parse("status", "-j").options, new Map([["json", true]]));
  assertEquals(parse("status", "status").operands, ["status"]);
});

Deno.test("parseCommandLine takes everything behind -- for an operand", () => {
  assertEquals(parse("a", "--", "-v", "--", "-").operands, ["a", "-v", "--", "-"]);
});

Deno.test("parseCommandLine ends the options at the first operand under POSIXLY_CORRECT", () => {
  const line = parseCommandLine(manifest, ["-v", "x", "-V"], true);
  assertEquals([...line.options.keys()], ["verbose"]);
  assertEquals(line.operands, ["x", "-V"]);
  assertEquals(
    parseCommandLine(manifest, ["status", "--json"], true).options,
    new Map([["json", true]]),
  );
});

Deno.test("parseCommandLine keeps characters outside the BMP whole", () => {
  assertEquals(parse("-v😀").failure, "invalid option -- '😀'");
});

/** An option in one of the ways to write it. */
function written(option: OptionSpec, value: string, way: number): string[] {
  if (option.argument === undefined) {
    return [way % 2 === 0 && option.short !== undefined ? `-${option.short}` : `--${option.long}`];
  }
  if (option.short === undefined || way < 2) {
    return way % 2 === 0 ? [`--${option.long}`, value] : [`--${option.long}=${value}`];
  }
  return way === 2 || value === "" ? [`-${option.short}`, value] : [`-${option.short}${value}`];
}

Deno.test("parseCommandLine reads back options and operands however they are written", () => {
  const operand = fc.string({ maxLength: 4 }).map((text) => `o${text}`);
  const option = fc.record({
    option: fc.constantFrom(...options),
    value: fc.string({ maxLength: 4 }),
    way: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(option, operand), { maxLength: 8 }), (parts) => {
      const argv = parts.flatMap((part) =>
        typeof part === "string" ? [part] : written(part.option, part.value, part.way)
      );
      const line = parse(...argv);
      const given = parts.filter((part) => typeof part !== "string").map((
        { option, value },
      ) => ({ name: option.long, value: option.argument === undefined ? true : value }));
      assertEquals(line.failure, undefined);
      assertEquals(line.given, given);
      assertEquals(line.operands, parts.filter((part) => typeof part === "string"));
    }),
    { seed: 20_240_303, numRuns: 2_000 },
  );
});

Deno.test("parseCommandLine answers any words", () => {
  const word = fc.oneof(fc.string(), fc.constantFrom("--", "-", "--=", "-f", "--c", "status"));
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      parseCommandLine(manifest, argv);
    }),
    { seed: 20_240_304, numRuns: 5_000 },
  );
});
