/** The walk of one message that each DESIGN.md draws goes by files that are there, through functions that they have. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { daemonNames } from "../../tasks/daemons.ts";
import { exists, root } from "../../tasks/toolchain.ts";

/** Where a file may be that DESIGN.md names: below the daemon's folder, the checkout, or a folder that the sentence is about. */
const FOLDERS = ["", "effects", "../..", "../../ffi", "../../src/host", "../../src/wire"];
const TESTS = ["sim", "native", "daemons"];

/** A line of the drawing: a file, and what is called in it. */
interface Step {
  readonly file: string;
  readonly functions: readonly string[];
}

function stepsOf(design: string): Step[] {
  return [...design.matchAll(/^ {4} *([\w/.-]+\.ts) +(\S.*)$/gm)].map(([, file, rest]) => {
    const [called] = /^#?\w+(\(\))?(, #?\w+\(\))*/.exec(rest) ?? [""];
    return { file, functions: called.split(", ").map((name) => name.replace("()", "")) };
  });
}

/** Whether the text defines it: a function, a method, a constant. */
function defines(text: string, name: string): boolean {
  const method = `^ {2}(override |static )*${name}(<.*>)?\\((.*\\{)?$`;
  return new RegExp(`^(export )?(function|const|class) ${name}\\b|${method}`, "m").test(text);
}

async function missing(daemon: string, { file, functions }: Step): Promise<string[]> {
  const paths = [join(root, "daemons", daemon, file), join(root, file)];
  for (const path of paths) {
    if (!await exists(path)) continue;
    const text = await Deno.readTextFile(path);
    return functions.filter((name) => !defines(text, name)).map((name) => `${name} of ${file}`);
  }
  return [file];
}

for (const daemon of await daemonNames()) {
  const folder = join(root, "daemons", daemon);
  const design = await Deno.readTextFile(join(folder, "DESIGN.md"));

  Deno.test(`the message that DESIGN.md of ${daemon} follows goes through functions that are there`, async () => {
    const steps = stepsOf(design);
    const files = steps.map(({ file }) => file);
    const passes = ["machine.ts", "effects/", "ffi/"].map((room) =>
      files.some((file) => file.startsWith(room))
    );
    assertEquals([steps.length > 12, passes[0], passes[1]], [true, true, true]);
    const found = await Promise.all(steps.map((step) => missing(daemon, step)));
    assertEquals(found.flat(), []);
  });

  Deno.test(`every module that DESIGN.md of ${daemon} names is there`, async () => {
    const names = new Set(
      [...design.matchAll(/`([\w/-]+(?:\.test)?\.ts)`/g)].map(([, name]) => name),
    );
    const gone: string[] = [];
    for (const name of names) {
      const places = [
        ...FOLDERS.map((place) => join(folder, place, name)),
        ...TESTS.map((place) => join(root, "tests", place, daemon, name)),
      ];
      const found = await Promise.all(places.map(exists));
      if (!found.includes(true)) gone.push(name);
    }
    assertEquals([gone, names.size > 1], [[], true]);
  });
}
