/** The command line, against a reading of it character by character, as strtol(3) and strtoull(3) do it. */
import { type FollowArguments, parseArguments } from "../../daemons/dmfilemapd/arguments.ts";
import { damaged, nonsense, TELLING_NUMBERS } from "./damage.ts";
import type { Random } from "./random.ts";
import { type FuzzTarget, hold } from "./target.ts";

const OURS = ["--help", "--version", "--check-config", "status", "--no-sandbox"];
const WORDS = ["3", "0", "/var/tmp/data", "inode", "path", "1", " 5", "\t7", "relative", ...OURS];

export class ArgumentsTarget implements FuzzTarget {
  readonly name = "command lines";
  readonly tally = { followed: 0, wrong: 0, other: 0 };
  #argv: string[] = [];

  constructor(private readonly random: Random) {}

  describe(): string {
    return JSON.stringify(this.#argv);
  }

  step(): void {
    this.#argv = this.#make();
    const request = parseArguments(this.#argv);
    if (OURS.includes(this.#argv[0])) {
      this.tally.other++;
      return;
    }
    const expected = referenceArguments(this.#argv);
    if (typeof expected === "string") {
      this.tally.wrong++;
      hold(request.kind === "wrong" && request.lines[0] === expected, expected);
      return;
    }
    this.tally.followed++;
    hold(request.kind === "follow", "it is a command line of the original's");
    if (request.kind === "follow") hold(same(request.follow, expected), "it is read otherwise");
  }

  #make(): string[] {
    const { random } = this;
    const argv = ["3", "0", "/var/tmp/data", random.pick(["inode", "path"]), "0", "0"];
    argv.length = random.below(8) === 0 ? random.below(7) : 6;
    if (random.below(20) === 0) argv.push(nonsense(random, 5));
    for (let left = random.below(3); left > 0; left--) {
      const at = random.below(argv.length + 1);
      argv[Math.min(at, Math.max(0, argv.length - 1))] = this.#word(argv[at] ?? "");
    }
    return argv;
  }

  #word(word: string): string {
    const { random } = this;
    const ways = [
      () => damaged(random, word),
      () => nonsense(random, 8),
      () => random.pick(TELLING_NUMBERS),
      () => random.pick(WORDS),
    ];
    return random.pick(ways)();
  }
}

/** A number of C's, or undefined: isspace() in front, a sign, digits, nothing behind. */
function number(text: string): bigint | undefined {
  let at = 0;
  while (at < text.length && " \t\n\v\f\r".includes(text[at])) at++;
  const sign = text[at] === "-" ? -1n : 1n;
  if (text[at] === "-" || text[at] === "+") at++;
  // An empty text is 0: strtol() stops where it begins, and *end is the NUL.
  if (at === text.length) return text === "" ? 0n : undefined;
  let value = 0n;
  for (; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    value = value * 10n + BigInt(digit);
  }
  return sign * value;
}

function int(text: string): number | undefined {
  const value = number(text);
  if (value === undefined || value >= 2n ** 63n || value < -(2n ** 63n)) return undefined;
  return Number(BigInt.asIntN(32, value));
}

function unsigned(text: string): bigint | undefined {
  const value = number(text);
  if (value === undefined || value >= 2n ** 64n || value <= -(2n ** 64n)) return undefined;
  return BigInt.asUintN(64, value);
}

/** The first complaint, or what is to be followed. */
function referenceArguments(argv: readonly string[]): string | FollowArguments {
  if (argv.length < 5) return "Wrong number of arguments.";
  const [fdText, groupText, path, mode, foregroundText, verboseText = ""] = argv;
  const [fd, groupId] = [int(fdText), unsigned(groupText)];
  const [foreground, verbose] = [int(foregroundText), int(verboseText)];
  if (fd === undefined) return `Could not parse file descriptor: ${fdText}`;
  if (groupId === undefined) return `Could not parse group identifier: ${groupText}`;
  if (path.length === 0) return "Path argument is required.";
  if (path[0] !== "/") return "Path argument must specify an absolute path.";
  if (mode.length === 0) return "Mode argument is required.";
  if (mode !== "inode" && mode !== "path") return `Could not parse dmfilemapd mode: ${mode}`;
  if (foreground === undefined) return `Could not parse debug argument: ${foregroundText}.`;
  if (verbose === undefined) return `Could not parse verbose argument: ${verboseText}`;
  if (verbose < 0 || verbose > 3) return `Verbose argument out of range: ${verbose}.`;
  return { fd, groupId, path, mode, foreground: foreground !== 0, verbose };
}

function same(a: FollowArguments, b: FollowArguments): boolean {
  return a.fd === b.fd && a.groupId === b.groupId && a.path === b.path && a.mode === b.mode &&
    a.foreground === b.foreground && a.verbose === b.verbose;
}
