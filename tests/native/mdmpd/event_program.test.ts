/** Events as the event program gets them: by a helper of the daemon's own, and by one that a service manager starts. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import "../../bind_libc.ts";
import { Hook } from "../../../daemons/mdmpd/effects/hook.ts";
import { helperAt, type HookWay, ownHelper } from "../../../daemons/mdmpd/effects/hook_way.ts";
import { HOOK_QUEUE_EVENTS } from "../../../daemons/mdmpd/limits.ts";
import { manifest } from "../../../daemons/mdmpd/manifest.ts";
import { startLogging } from "../../../src/host/log.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { build } from "../../../tasks/build.ts";
import { run } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../../tasks/needs.ts";

const PATIENCE_MS = 60_000;
const PATH = "/usr/bin:/bin";
const mdmpd = await build("mdmpd");
const self = { path: mdmpd, calledAs: "mdmpd", args: [], environment: new Map([["PATH", PATH]]) };

/** An event program that writes down what it is told, a reactor, and a log, in a folder of their own. */
class Stage implements Disposable {
  readonly reactor = new Reactor();
  readonly program: string;
  readonly socket: string;
  readonly #told: string;
  readonly #log: string;

  constructor(folder: string) {
    [this.program, this.socket, this.#told, this.#log] = ["program", "socket", "told", "log"]
      .map((name) => join(folder, name));
    Deno.writeTextFileSync(this.#told, "");
    this.write(`echo "$*" >> ${this.#told}`);
    const outputs = [{ level: 2, destination: "file", argument: this.#log }] as const;
    startLogging({ identifier: "mdmpd", level: 2, filters: [], outputs, banner: () => [] });
  }

  /** Gives the event program another text. */
  write(script: string): void {
    Deno.writeTextFileSync(this.program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  hook(way: HookWay): Hook {
    return new Hook(this.reactor, way);
  }

  told(): string[] {
    return Deno.readTextFileSync(this.#told).split("\n").slice(0, -1);
  }

  /** What was logged as a warning or an error. */
  said(): string[] {
    const lines = Deno.readTextFileSync(this.#log).split("\n");
    return lines.filter((line) => /: (warning|error) : /.test(line));
  }

  /** Turns the loop until something holds. */
  until(what: string, holds: () => boolean): void {
    const end = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() > end) throw new Error(`in vain: ${what}: ${this.said().join("\n")}`);
      this.reactor.turn(20);
    }
  }

  /** A service manager's part: a helper for each connection. */
  listen(): Deno.ChildProcess {
    const { helperArguments } = manifest.unit.helper;
    const helper = [mdmpd, helperArguments, `--program=${this.program}`];
    const child = new Deno.Command("systemd-socket-activate", {
      args: ["--accept", "--seqpacket", "-l", this.socket, ...helper],
      stderr: "null",
    }).spawn();
    this.until("somebody listens", () => exists(this.socket));
    return child;
  }

  [Symbol.dispose](): void {
    this.reactor.close();
    startLogging({ identifier: "", level: 4, filters: [], outputs: [], banner: () => [] });
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

async function end(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  await child.status;
}

async function onStage(body: (stage: Stage) => void | Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    using stage = new Stage(folder);
    await body(stage);
  });
}

/** The helper of a program of this name. */
async function helperPid(program: string): Promise<number> {
  const { stdout } = await run("pgrep", ["-f", "-x", `\\S*mdmpd @events --program=${program}`]);
  return Number(stdout.trim());
}

Deno.test("Hook has the event program run for each event, with its words, in order and one at a time", async () => {
  await onStage((stage) => {
    stage.write(
      `echo "$#: $*" >> ${stage.program}.new; sleep 0.1; mv ${stage.program}.new ${stage.program}.$1`,
    );
    const hook = stage.hook(ownHelper(self, stage.program));
    hook.tell("Fail", "/dev/md0", "/dev/sda");
    hook.tell("NewArray", "/dev/md1", "");
    // Two at a time would share a file.
    stage.until("both have run", () => exists(`${stage.program}.NewArray`));
    const lines = ["Fail", "NewArray"].map((name) =>
      Deno.readTextFileSync(`${stage.program}.${name}`)
    );
    assertEquals(lines, ["3: Fail /dev/md0 /dev/sda\n", "2: NewArray /dev/md1\n"]);
    hook.close();
    assertEquals([stage.said(), hook.dropped], [[], 0]);
  });
});

Deno.test("events that wait when Hook is closed are told all the same, and the helper ends", async () => {
  await onStage(async (stage) => {
    const hook = stage.hook(ownHelper(self, stage.program));
    for (let i = 0; i < 5; i++) hook.tell("Fail", `/dev/md${i}`, "/dev/sda");
    hook.close();
    stage.until("all are told", () => stage.told().length === 5);
    assertEquals(stage.told()[4], "Fail /dev/md4 /dev/sda");
    for (let pid = 1; pid !== 0; pid = await helperPid(stage.program)) {
      await new Promise((go) => setTimeout(go, 20));
    }
  });
});

Deno.test("Hook says at its end for how many events nobody will run the program", async () => {
  await onStage((stage) => {
    const absent = stage.hook(helperAt(stage.socket));
    for (const array of ["/dev/md0", "/dev/md1"]) absent.tell("Fail", array, "");
    absent.close();
    assertEquals([stage.said().length, absent.dropped], [2, 2]);
    assertMatch(stage.said()[1], /the event program is not run for 2 events: the daemon ends$/);
    stage.write('while [ -e "$0" ]; do sleep 0.1; done');
    const slow = stage.hook(ownHelper(self, stage.program));
    for (let i = 0; i < 1 + HOOK_QUEUE_EVENTS; i++) slow.tell("Fail", `/dev/md${i}`, "");
    slow.close();
    // What the helper's socket takes differs from machine to machine.
    const { dropped } = slow;
    assertEquals([dropped > 0, dropped < HOOK_QUEUE_EVENTS], [true, true], `${dropped}`);
    assertMatch(stage.said()[2], new RegExp(`not run for ${dropped} events: the daemon ends$`));
  });
});

Deno.test("Hook says once that the event program cannot be run, and that it is again", async () => {
  await onStage((stage) => {
    const hook = stage.hook(ownHelper(self, stage.program));
    Deno.renameSync(stage.program, `${stage.program}.away`);
    hook.tell("Fail", "/dev/md0", "");
    hook.tell("Fail", "/dev/md1", "");
    stage.until("it is said", () => stage.said().length > 0);
    Deno.renameSync(`${stage.program}.away`, stage.program);
    hook.tell("Fail", "/dev/md2", "");
    stage.until("it runs", () => stage.told().includes("Fail /dev/md2"));
    hook.close();
    assertEquals(stage.said().length, 1);
    assertMatch(
      stage.said()[0],
      /trouble with the event program: .*\/program": No such file or directory$/,
    );
  });
});

Deno.test("Hook counts events beyond its limit, and says so once", async () => {
  await onStage((stage) => {
    stage.write('while [ -e "$0" ]; do sleep 0.1; done');
    const hook = stage.hook(ownHelper(self, stage.program));
    // The first is with the helper.
    for (let i = 0; i < 1 + HOOK_QUEUE_EVENTS + 3; i++) hook.tell("Fail", `/dev/md${i}`, "");
    assertEquals(hook.dropped, 3);
    assertEquals(stage.said().length, 1);
    assertMatch(
      stage.said()[0],
      /1024 events wait for the event program: further ones are dropped$/,
    );
    hook.close();
  });
});

Deno.test("Hook whose own helper is gone says so and how to get it back, and goes on", async () => {
  await onStage(async (stage) => {
    const hook = stage.hook(ownHelper(self, stage.program));
    hook.tell("Fail", "/dev/md0", "");
    stage.until("it runs", () => stage.told().length === 1);
    Deno.kill(await helperPid(stage.program), "SIGKILL");
    stage.until("it is said", () => stage.said().length > 0);
    assertMatch(
      stage.said()[0],
      /the event program's helper is gone: it has ended: start mdmpd anew$/,
    );
    hook.tell("Fail", "/dev/md1", "");
    hook.tell("Fail", "/dev/md2", "");
    assertEquals([stage.said().length, hook.dropped], [1, 2]);
    hook.close();
  });
});

await testWith(
  ["systemd-socket-activate"],
  "Hook finds a service manager's helper again at the next event when the first one is killed",
  () =>
    onStage(async (stage) => {
      const manager = stage.listen();
      const hook = stage.hook(helperAt(stage.socket));
      hook.tell("Fail", "/dev/md0", "");
      stage.until("it runs", () => stage.told().length === 1);
      Deno.kill(await helperPid(stage.program), "SIGKILL");
      stage.until("it is said", () => stage.said().length > 0);
      hook.tell("SpareActive", "/dev/md0", "");
      stage.until("it runs again", () => stage.told().includes("SpareActive /dev/md0"));
      hook.close();
      await end(manager);
      assertEquals([stage.said().length, hook.dropped], [1, 0]);
    }),
);

await testWith(
  ["systemd-socket-activate"],
  "Hook keeps events while nobody listens, says so once, with the unit to look at, and tells them when somebody does",
  () =>
    onStage(async (stage) => {
      const hook = stage.hook(helperAt(stage.socket));
      hook.tell("Fail", "/dev/md0", "");
      hook.tell("Fail", "/dev/md1", "");
      assertEquals(stage.said().length, 1);
      assertMatch(stage.said()[0], /the event program is not run: .* mdmpd-events\.socket/);
      const manager = stage.listen();
      stage.until("both are told", () => stage.told().length === 2);
      hook.close();
      await end(manager);
      assertEquals([stage.said().length, hook.dropped], [1, 0]);
    }),
);

Deno.test("the helper runs what its arguments or the configuration name, and without a name says so", async () => {
  await inFolder(async (folder) => {
    const config = join(folder, "conf");
    await Deno.writeTextFile(config, "interval = 5\n");
    const { code, output } = await run(mdmpd, ["@events", "--config", config]);
    assertEquals(code, 78);
    assertEquals(output.trim().endsWith("name an event program"), true, output);
    await Deno.writeTextFile(config, `program = "/bin/true"\n`);
    const empty = await run("sh", [
      "-c",
      `"$1" @events --config "$2" 3< /dev/null`,
      "sh",
      mdmpd,
      config,
    ]);
    assertEquals([empty.code, empty.output], [0, ""]);
  });
});
