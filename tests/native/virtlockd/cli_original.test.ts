/** parseCommandLine() against the getopt_long(3) of the installed C daemon, with options of ours beside those of the original. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type CommandLineManifest,
  type GivenOption,
  parseCommandLine,
} from "../../../src/host/cli.ts";
import { Lab } from "./lab.ts";
import { C_DAEMON } from "./lab_daemon.ts";
import { nativeTest } from "./native_test.ts";

/** The original's options in the order of its table, and extensions that would take prefixes from them. */
const manifest: CommandLineManifest = {
  options: [
    { long: "verbose", short: "v", help: "" },
    { long: "daemon", short: "d", help: "" },
    { long: "config", short: "f", argument: "file", help: "" },
    { long: "timeout", short: "t", argument: "secs", help: "" },
    { long: "pid-file", short: "p", argument: "file", help: "" },
    { long: "version", short: "V", help: "" },
    { long: "help", short: "h", help: "" },
    { long: "check-config", help: "", extension: true },
    { long: "verify", help: "", extension: true },
    { long: "helper", argument: "x", help: "", extension: true },
  ],
  commands: [{ name: "status", help: "", options: [{ long: "json", help: "" }] }],
};

/** With paths in which nothing can be made or read (and /proc as the working directory), so that none gets as far as serving. */
const corpus: readonly (readonly string[])[] = [
  [],
  ["-h"],
  ["-V"],
  ["-hV"],
  ["-Vh"],
  ["-vdV"],
  ["--help"],
  ["--version"],
  ["--he"],
  ["--h"],
  ["--vers"],
  ["--verb", "-V"],
  ["--ver"],
  ["--ve"],
  ["--v"],
  ["--v=1"],
  ["--="],
  ["--=x"],
  ["--c"],
  ["--c=/nowhere/c"],
  ["--c", "/nowhere/c"],
  ["--config=/nowhere/a=b"],
  ["--config", "--", "-V"],
  ["--config="],
  ["-f/nowhere/c"],
  ["-f", "/nowhere/c"],
  ["-f", "-V"],
  ["-vf", "/nowhere/c"],
  ["-vf/nowhere/c"],
  ["-f", "/nowhere/a", "-f", "/nowhere/b"],
  ["-p", "/nowhere/a", "--pid-file", "/nowhere/b"],
  ["-fv", "-V"],
  ["-f"],
  ["-vf"],
  ["-p"],
  ["-t"],
  ["--pid"],
  ["--pid-file"],
  ["--t"],
  ["--timeout"],
  ["-x"],
  ["-vx"],
  ["-xV"],
  ["-Vx"],
  ["-x", "-V"],
  ["-V", "-x"],
  ["-l"],
  ["-W"],
  ["-W", "foo"],
  ["-:"],
  ["-;"],
  ["-?"],
  ["--x"],
  ["--x=1"],
  ["--verboses"],
  ["--verbose=1"],
  ["--verb="],
  ["--help=3"],
  ["--Version"],
  ["---help"],
  ["-"],
  ["-", "-V"],
  ["--"],
  ["--", "-V"],
  ["--", "-x"],
  ["operand"],
  ["operand", "-V"],
  ["operand", "--x"],
  ["operand", "-p", "/nowhere/a", "more"],
  ["operand", "--", "-V"],
  ["", "-V"],
  ["-d"],
  ["--da", "--x"],
];

type Outcome = string;

/** What the C daemon did, read from its exit code and output. */
async function originalOutcome(lab: Lab, argv: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await lab.command(C_DAEMON, { args: argv, cwd: "/proc" })
    .output();
  const out = new TextDecoder().decode(stdout);
  const text = new TextDecoder().decode(stderr);
  if (code === 0 && out === `${C_DAEMON} (libvirt) 9.0.0\n`) return "version";
  if (code === 0 && text.startsWith("\nUsage:\n")) return "help";
  assertEquals(code, 1, `${argv}: ${text}`);
  const refused = /^\/usr\/sbin\/virtlockd: (.*)\n\nUsage:\n/.exec(text);
  if (refused !== null) return refused[1];
  if (text.endsWith("Invalid value for timeout\n")) return "timeout";
  const config = /Can't load config file: Failed to open file '(.*)':/.exec(text);
  if (config !== null) return `config ${config[1]}`;
  const pid = /Failed to open pid file '(.*)':/.exec(text);
  if (pid !== null) return `pid-file ${pid[1]}`;
  // The child of -d says nothing more.
  if (text.includes("Unable to obtain pidfile")) return "pid-file ?";
  throw new Error(`not understood: ${JSON.stringify(argv)}: ${text}`);
}

const DEFAULT_PID_FILE = "/run/virtlockd.pid";

/** Of timeouts, the original looks at the leading digits only. */
function endsAtOnce({ name, value }: GivenOption): boolean {
  return name === "help" || name === "version" ||
    (name === "timeout" && !/^\d/.test(String(value)));
}

/** What a daemon with our command line would do. */
function ourOutcome(argv: readonly string[]): Outcome {
  const { given, options, failure } = parseCommandLine(manifest, argv);
  const first = given.find(endsAtOnce);
  if (first !== undefined) return first.name;
  if (failure !== undefined) return failure;
  if (options.has("config")) return `config ${options.get("config")}`;
  if (options.has("daemon")) return "pid-file ?";
  return `pid-file ${options.get("pid-file") ?? DEFAULT_PID_FILE}`;
}

async function compare(lab: Lab, argv: readonly string[]): Promise<void> {
  assertEquals(ourOutcome(argv), await originalOutcome(lab, argv), JSON.stringify(argv));
}

const SEED = 20_240_302;
const RANDOM_LINES = 200;

function randomLines(): string[][] {
  const words = [
    ...["-v", "-f/nowhere/f", "-p", "/nowhere/p", "-vp", "-t1", "--t=2", "--", "-", "operand"],
    ...["--verb", "--v", "--version", "-V", "-h", "--pid", "--pid=/nowhere/q", "--c", "-x", "--x"],
    ...["-vvt", "3", "--help", "--h=", "--ver"],
  ];
  const line = fc.array(fc.constantFrom(...words), { minLength: 2, maxLength: 6 });
  return fc.sample(fc.noBias(line), { seed: SEED, numRuns: RANDOM_LINES });
}

nativeTest(
  "parseCommandLine reads what the C daemon's getopt_long reads",
  [C_DAEMON],
  async (t) => {
    await using lab = await Lab.open();
    // A folder in its place: the daemon ends when it wants its pid file.
    await Deno.mkdir(lab.outside(DEFAULT_PID_FILE));
    for (const argv of corpus) await t.step(`"${argv.join(" ")}"`, () => compare(lab, argv));
    await t.step(`${RANDOM_LINES} random lines, seed ${SEED}`, async () => {
      for (const argv of randomLines()) await compare(lab, argv);
    });
  },
);
