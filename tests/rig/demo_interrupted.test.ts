/** What is left of a demo that is interrupted in mid-act. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { root } from "../../tasks/toolchain.ts";
import { missingForCluster } from "../native/corosync/cluster.ts";
import { rigTest } from "./helpers/scenario_test.ts";

/** A demo of one act, in a process group of its own, with `temporary` for its files. */
function demoOf(daemon: string, temporary: string): Deno.ChildProcess {
  const report = join(temporary, "demo.html");
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", "--quiet", join(root, "tasks/demo.ts")],
      ...["--only", daemon, "--report", report],
    ],
    cwd: root,
    env: { TMPDIR: temporary, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    detached: true,
  }).spawn();
}

/** What a demo says, from its beginning. */
class Said {
  text = "";
  readonly #stream: ReadableStreamDefaultReader<string>;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#stream = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Waits until it has said something, or, for "", until its end. */
  async until(words: string): Promise<void> {
    while (words === "" || !this.text.includes(words)) {
      const { value, done } = await this.#stream.read();
      if (done && words !== "") throw new Error(`ended without "${words}": ${this.text}`);
      if (done) return;
      this.text += value;
    }
  }
}

/** Command lines of the processes that have a folder among their arguments or in their environment. */
async function processesWith(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const [line, environment] = await Promise.all(
      ["cmdline", "environ"].map((file) =>
        Deno.readTextFile(`/proc/${name}/${file}`).catch(() => "")
      ),
    );
    if (`${line}${environment}`.includes(folder)) found.push(line.replaceAll("\0", " "));
  }
  return found;
}

/** Sockets are made in it, whose paths have no more than 107 bytes (sockaddr_un, unix(7)). */
async function inShortFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "hk-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Waits until no process has anything to do with a folder; those that still have, after 20 s. */
async function leftIn(folder: string): Promise<string[]> {
  for (let tries = 0; tries < 200 && (await processesWith(folder)).length > 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return await processesWith(folder);
}

/**
 * Plays an act up to some words, interrupts it there, and looks for what is left. `heardBy`: the demo alone, as with kill(1), or its
 * whole process group, as with Ctrl-C.
 */
async function interrupt(
  daemon: string,
  words: string,
  heardBy: "demo" | "group",
  running: string,
): Promise<void> {
  await inShortFolder(async (folder) => {
    const demo = demoOf(daemon, folder);
    const said = new Said(demo.stdout);
    await said.until(words);
    // It is not to come to its end while we look.
    demo.kill("SIGSTOP");
    const amidst = (await processesWith(folder)).join("\n");
    Deno.kill(heardBy === "demo" ? demo.pid : -demo.pid, "SIGINT");
    demo.kill("SIGCONT");
    await said.until("");
    assertEquals((await demo.status).code, 130, said.text);
    assertStringIncludes(amidst, running);
    assertStringIncludes(said.text, "Interrupted; nothing is left behind.");
    assertEquals(await leftIn(folder), []);
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), []);
  });
}

await rigTest(
  "a demo that is interrupted while a guest runs leaves no guest and no file",
  () => interrupt("mdmpd", "✓ mdmpd watches", "demo", "qemu-system"),
);

const withoutCluster = await missingForCluster();
const clusterName = "Ctrl-C while a cluster runs leaves no corosync, no daemon and no file";
if (withoutCluster !== undefined) console.log(`SKIPPED ${clusterName}: ${withoutCluster}`);
Deno.test({
  name: clusterName,
  ignore: withoutCluster !== undefined,
  fn: () => interrupt("cmannotifyd", "kill -9 of node 3", "group", "corosync -f"),
});

for (const heardBy of ["demo", "group"] as const) {
  Deno.test(`SIGINT of the ${heardBy} while virtlockd is replaced leaves no daemon, no guest and no file`, () =>
    interrupt("virtlockd", "locks and unlocks another disk", heardBy, "dist/virtlockd"));
}
