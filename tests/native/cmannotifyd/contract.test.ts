/** What scripts get, which of them run, and how the daemon goes about it: the contract of the original, on a real corosync. */
import "../../bind_libc.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "@std/path";
import { run } from "../../../tasks/toolchain.ts";
import { DatagramServer } from "../../src/host/datagrams.ts";
import { inFolder } from "../../tasks/needs.ts";
import { eventually } from "../corosync/eventually.ts";
import { binary, type Notifier, notifierTest, refuses, sharedNode } from "./notifier.ts";

sharedNode();

const SCRIPTS = "/etc/cluster/cman-notify.d";

Deno.test("-h, -V and what it does not know are answered as by the original", async () => {
  const path = await binary();
  const help = await run(path, ["-h"]);
  assertEquals(help.code, 0);
  assertMatch(help.stdout, /Usage:[^]* -f \|[^]* -d \|[^]* -r \|[^]* -h \|[^]* -V \|/);
  const version = await run(path, ["an", "operand", "-V"]);
  assertEquals(version.code, 0);
  assertMatch(version.stdout, /^cmannotifyd \d+\.\d+\.\d+ /);
  const unknown = await run(path, ["-x"]);
  assertEquals([unknown.code, unknown.stdout], [1, ""]);
  assertStringIncludes(unknown.output, "invalid option -- 'x'");
  assertStringIncludes(unknown.output, "Usage:");
});

Deno.test("--check-config shows every problem with its line, and the daemon does not start with one", async () => {
  await inFolder(async (folder) => {
    const config = `${folder}/bad.conf`;
    await Deno.writeTextFile(config, 'debug = 2\nno_such_key = 1\nlogfile = "relative"\n');
    const checked = await run(await binary(), ["--config", config, "--check-config"]);
    assertEquals(checked.code, 1);
    for (const line of [1, 2, 3]) assertStringIncludes(checked.output, `bad.conf:${line}:`);
    const started = await run(await binary(), ["-f", "--config", config, "--pid-file", ""]);
    assertEquals(started.code, 1);
    assertStringIncludes(started.output, "bad.conf:1:debug: 2 is neither 0 nor 1");
  });
});

/** What the recording script writes down of one run, by kind. */
function contract(text: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const line of text.trimEnd().split("\n")) {
    const [, kind, value] = /^(descriptor \d+|leads a session|\S+?):?\s+(.*)$/.exec(line) ?? [];
    (found[kind] ??= []).push(value);
  }
  return found;
}

/** What the recording script writes down of one run after the other. */
async function contracts(notifier: Notifier): Promise<Record<string, string[]>[]> {
  return (await notifier.text("run/contract")).split(/^(?=argv)/m).map(contract);
}

notifierTest(
  "a script has what the original gave it, and the rights of the administrator, and nothing else",
  async (notifier) => {
    await notifier.record();
    await notifier.write("run/contract", "");
    await notifier.node.run("setpriv", "--reset-env", `${SCRIPTS}/10-record`);
    await notifier.start();
    await notifier.hasTold(3);
    const [byHand, first, second] = await contracts(notifier);
    const plain: Record<string, string[]> = {
      // Its rights, its session, and what whoever runs this test has open for all.
      ...byHand,
      "descriptor 1": ["/dev/null"],
      "descriptor 2": ["/dev/null"],
      SigIgn: ["0000000000000000"],
    };
    assertEquals([plain.directory, plain.policy, plain["leads a session"]], [["/"], ["0"], ["0"]]);
    const update = ["CMAN_NOTIFICATION=CMAN_REASON_CONFIG_UPDATE"];
    assertEquals(first, { ...plain, environment: update });
    const change = ["CMAN_NOTIFICATION=CMAN_REASON_STATECHANGE", "CMAN_NOTIFICATION_QUORUM=1"];
    assertEquals(second, { ...plain, environment: change });
  },
);

notifierTest(
  "with -d and a time limit a script has a log and a session of its own",
  async (notifier) => {
    await notifier.record();
    await notifier.write("run/contract", "");
    await notifier.start({ config: "script_timeout = 60\n", args: ["-d"] });
    await notifier.hasTold(2);
    const [first] = await contracts(notifier);
    const log = "/var/log/cluster/cman_notify.log";
    assertEquals([first["descriptor 1"], first["descriptor 2"]], [[log], [log]]);
    assertEquals(first["leads a session"], ["1"]);
    assert(first.environment.includes("CMAN_NOTIFICATION_DEBUG=1"));
  },
);

notifierTest(
  "CMANNOTIFYD_DEBUG in the environment is -d, set to anything and even to nothing",
  async (notifier) => {
    await notifier.script("10-says", "#!/bin/sh\necho said; /usr/bin/env >> /run/environment\n");
    const settings = ["-u CMANNOTIFYD_DEBUG", "CMANNOTIFYD_DEBUG=", "CMANNOTIFYD_DEBUG=0"];
    for (const [index, setting] of settings.entries()) {
      for (const file of ["run/environment", "log/cluster/cman_notify.log"]) {
        await notifier.write(file, "");
      }
      await notifier.write("log/cluster/cmannotifyd.log", "");
      await notifier.start({ shell: `exec env ${setting} "$@"` });
      await eventually("both are over", async () => (await noted(notifier)) === 2);
      assertEquals(await notifier.stop(), 0);
      const isOn = index > 0;
      const scriptLog = await notifier.text("log/cluster/cman_notify.log");
      assertEquals(scriptLog.includes("\nsaid\n"), isOn, `what scripts print, ${setting}`);
      assertEquals(/10-says runs as process \d+$/m.test(await notifier.log()), isOn, setting);
      const environment = await notifier.text("run/environment");
      assertEquals(environment.includes("CMAN_NOTIFICATION_DEBUG=1\n"), isOn, setting);
      assert(!environment.includes("CMANNOTIFYD_DEBUG"), environment);
    }
  },
);

/** How many scripts have ended by the log of the built-in cman_notify. */
async function noted(notifier: Notifier): Promise<number> {
  const log = await notifier.text("log/cluster/cman_notify.log");
  return [...log.matchAll(/^finished /gm)].length;
}

/** proc(5): the number of SCHED_RR, in the 41st field of a process's stat. */
async function policy(notifier: Notifier, who: "daemon" | "runner"): Promise<string> {
  return (await notifier.proc("stat", who)).split(" ")[40];
}

notifierTest(
  "daemon and runner have realtime priority with -r, and scripts have not",
  async (notifier) => {
    await notifier.record();
    await notifier.write("run/contract", "");
    await notifier.start({ args: ["-r"] });
    await notifier.hasTold(2);
    for (const who of ["daemon", "runner"] as const) assertEquals(await policy(notifier, who), "2");
    assertEquals((await contracts(notifier)).map((one) => one.policy), [["0"], ["0"]]);
  },
  await refuses("chrt -r 1 true"),
);

notifierTest(
  "daemon and runner are protected from the OOM killer, and scripts are not",
  async (notifier) => {
    await notifier.record();
    await notifier.write("run/contract", "");
    await notifier.start({ config: "protect_from_oom = 1\n" });
    await notifier.hasTold(2);
    for (const who of ["daemon", "runner"] as const) {
      assertEquals(await notifier.proc("oom_score_adj", who), "-941\n", who);
    }
    assertEquals((await contracts(notifier)).map((one) => one.oom_score_adj), [["0"], ["0"]]);
  },
  await refuses("echo -1 > /proc/self/oom_score_adj"),
);

notifierTest(
  "what the kernel refuses of -r and protect_from_oom is said, and done without",
  async (notifier) => {
    await notifier.record();
    const shell = 'exec setpriv --bounding-set=-sys_nice,-sys_resource "$@"';
    await notifier.start({ config: "protect_from_oom = 1\n", args: ["-r"], shell });
    await notifier.hasTold(2);
    const log = await notifier.log();
    assertStringIncludes(log, "no realtime scheduling: Operation not permitted\n");
    assertMatch(log, /no protection from the OOM killer: .*Permission denied\n/);
  },
);

/** Says its name, and that it is none of ours how it ends. */
const SAYS_NAME = 'echo "${0##*/}" >> /run/ran\nexit 7\n';

notifierTest(
  "scripts are those that cman_notify chose, in the order of LC_ALL=C ls",
  async (notifier) => {
    const run = ["10a", "9b", "B", "README", "_c", "a", "a b", "k.bak", "ok.sh", "z.orig"];
    for (const name of run) await notifier.script(name, `#!/bin/sh\n${SAYS_NAME}`);
    const skipped = [
      ".hidden",
      "a~",
      "a,",
      "a.swp",
      "a,v",
      "a.rpmnew",
      "a.rpmsave",
      "a.rpmorig",
      "a.cfsaved",
    ];
    skipped.push("a.dpkg-old", "a.dpkg-dist", "a.dpkg-new");
    for (const name of skipped) await notifier.script(name, `#!/bin/sh\n${SAYS_NAME}`);
    await notifier.script("not-executable", `#!/bin/sh\n${SAYS_NAME}`, 0o644);
    await notifier.script("text", SAYS_NAME);
    await notifier.script("folder/inside", `#!/bin/sh\n${SAYS_NAME}`);
    const links = `ln -s 10a m-link; ln -s nowhere n-link; cp a "$(printf 'z\\377')"`;
    await notifier.node.run("sh", "-c", `cd ${SCRIPTS} && ${links}`);
    await notifier.start();
    await notifier.isQuiet();
    await eventually("both notifications are over", async () => (await ran(notifier)).length >= 26);
    const order = [
      "10a",
      "9b",
      "B",
      "README",
      "_c",
      "a",
      "a b",
      "k.bak",
      "m-link",
      "ok.sh",
      "text",
      "z.orig",
      "z\ufffd",
    ];
    assertEquals(await ran(notifier), [...order, ...order]);
    const noted = (await notifier.text("log/cluster/cman_notify.log")).trimEnd().split("\n");
    assertEquals(
      noted,
      [...order, ...order].flatMap((name) => [`starting ${name}`, `finished ${name}`]),
    );
  },
);

async function ran(notifier: Notifier): Promise<string[]> {
  return (await notifier.text("run/ran")).split("\n").slice(0, -1);
}

notifierTest(
  "a cman_notify of the site's own is run in the place of the built-in one",
  async (notifier) => {
    await notifier.record();
    const own = '#!/bin/sh\necho "$0 $# $CMAN_NOTIFICATION" >> /run/ran\n';
    await notifier.write("run/sbin/cman_notify", own, 0o755);
    const mount = "mount -t overlay overlay -o lowerdir=/run/sbin:/usr/sbin /usr/sbin";
    await notifier.start({ shell: `${mount} && exec "$@"` });
    await eventually("it ran twice", async () => (await ran(notifier)).length === 2);
    const called = (reason: string): string => `/usr/sbin/cman_notify 0 CMAN_REASON_${reason}`;
    assertEquals(await ran(notifier), [called("CONFIG_UPDATE"), called("STATECHANGE")]);
    assertEquals(await notifier.told(), []);
  },
);

notifierTest(
  "scripts that ask for more are told more: variables, JSON, directories for each kind",
  async (notifier) => {
    await notifier.script(
      "10-json",
      "#!/bin/sh\n/bin/cat >> /run/json\n/usr/bin/env >> /run/environment\n",
    );
    await notifier.script("20-deaf", "#!/bin/sh\nexit 0\n");
    for (const kind of ["statechange", "config-update", "try-shutdown"]) {
      await notifier.script(`${kind}.d/x`, '#!/bin/sh\necho "$0" >> /run/ran\n');
    }
    const config = "extra_variables = 1\njson_on_stdin = 1\nevent_directories = 1\n";
    await notifier.start({ config });
    await eventually("both are over", async () => (await ran(notifier)).length === 2);
    const [update, change] = (await notifier.text("run/json")).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    const node = { id: 1, name: "n1" };
    const same = { version: 1, initial: true, merged: 0, cluster: "lab", node };
    const { timestamp, ...rest } = update;
    assertMatch(timestamp, /^\d{10}\.\d{6}$/);
    assertEquals(rest, { ...same, sequence: 1, notification: "CMAN_REASON_CONFIG_UPDATE" });
    assertMatch(change.ring, /^1\.[0-9a-f]+$/);
    assertEquals({ ...change, timestamp: "", ring: "" }, {
      ...same,
      timestamp: "",
      ring: "",
      sequence: 2,
      notification: "CMAN_REASON_STATECHANGE",
      quorate: true,
      quorate_before: null,
      members: [node],
      joined: [],
      left: [],
    });
    const environment = await notifier.text("run/environment");
    for (
      const line of [
        "MEMBERS=1",
        "MEMBER_NAMES=n1",
        "NODENAME=n1",
        "CLUSTER=lab",
        "INITIAL=1",
        "SEQ=2",
      ]
    ) {
      assertStringIncludes(environment, `CMAN_NOTIFICATION_${line}\n`);
    }
    assertEquals(
      await ran(notifier),
      ["config-update", "statechange"].map((kind) => `${SCRIPTS}/${kind}.d/x`),
    );
  },
);

/** Processes of the daemon's that are more than a number that nobody has asked for. */
async function living({ node }: Notifier): Promise<string> {
  const { stdout } = await node.run("ps", "-eo", "stat=,args=");
  return stdout.split("\n").filter((line) => /^[^Z].*cmannotifyd/.test(line)).join("\n");
}

notifierTest(
  "without -f it goes to the background, once, and takes its pid file along at the end",
  async (notifier) => {
    await notifier.record();
    const first = await notifier.ask();
    assertEquals([first.code, first.stdout, first.stderr], [0, "", ""]);
    const pid = await notifier.pid();
    assertEquals(await notifier.text("run/cmannotifyd.pid"), `${pid}\n`);
    const second = await notifier.ask();
    assertEquals(second.code, 1);
    assertMatch(second.stderr, /^\S*cmannotifyd: .*cmannotifyd\.pid.*\n$/);
    await notifier.hasTold(2);
    assertEquals((await notifier.node.run("readlink", `/proc/${pid}/cwd`)).stdout, "/\n");
    await notifier.signal("TERM");
    await eventually("both are gone", async () => await living(notifier) === "");
    assertEquals(await notifier.text("run/cmannotifyd.pid"), "");
  },
);

notifierTest(
  "the log has the original's form, and is begun anew by SIGHUP and where it was truncated",
  async (notifier) => {
    await notifier.record();
    await notifier.start();
    await notifier.hasTold(2);
    const pattern =
      /^[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d cmannotifyd notification 1: CONFIG_UPDATE$/m;
    assertMatch(await notifier.log(), pattern);
    await notifier.write("log/cluster/cmannotifyd.log", "");
    await notifier.node.run("corosync-cfgtool", "-R");
    await notifier.hasTold(3);
    assertMatch(await notifier.log(), /^\w{3} .* notification 3: CONFIG_UPDATE\n$/);
    const path = notifier.path("log/cluster/cmannotifyd.log");
    await Deno.rename(path, `${path}.1`);
    await notifier.signal("HUP");
    await eventually("the log is new", async () => (await notifier.log()).includes("begun anew"));
  },
);

notifierTest(
  "to_syslog = 0 is for the journal of a service, too, unless nothing else takes what is logged",
  async (notifier) => {
    using journal = new DatagramServer();
    const heard = (): string => {
      const texts: string[] = [];
      for (let bytes = journal.next(); bytes !== undefined; bytes = journal.next()) {
        texts.push(new TextDecoder().decode(bytes));
      }
      return texts.join("");
    };
    const socket = "/run/systemd/journal/socket";
    const shell = `mkdir -p ${dirname(socket)} && ln -sf ${journal.path} ${socket} && ` +
      'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$@"';
    const run = async (config: string): Promise<void> => {
      await notifier.start({ config, shell });
      await notifier.isQuiet();
      assertEquals(await notifier.stop(), 0);
    };
    await run("to_syslog = 0\n");
    assertMatch(await notifier.log(), /ending: SIGTERM/);
    assertEquals(heard(), "");
    await run("");
    assertMatch(heard(), /ending: SIGTERM/);
    await run('to_syslog = 0\nlogfile = "/proc/none/log"\n');
    assertMatch(heard(), /no log file: [^]*ending: SIGTERM/);
  },
);
