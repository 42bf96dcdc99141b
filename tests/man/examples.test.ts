/**
 * What the man pages show is done as it stands there. The examples of dmfilemapd(8) and cmirrord(8), which need devices and nodes,
 * are done in the rig.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import { environmentOf, NO_FACTS, type Reason } from "../../daemons/cmannotifyd/notification.ts";
import { build } from "../../tasks/build.ts";
import { daemonNames } from "../../tasks/daemons.ts";
import { manPagePath, type Section } from "../../tasks/man.ts";
import { exists, run } from "../../tasks/toolchain.ts";
import { inFolder } from "../tasks/needs.ts";
import { commands, literalBlocks } from "./examples.ts";

const page = (name: string, section: Section): Promise<string> =>
  Deno.readTextFile(manPagePath(name, section));

for (const name of await daemonNames()) {
  Deno.test(`${name}.conf(5) shows a configuration that the daemon understands`, async () => {
    const text = await page(name, 5);
    const [block, ...others] = literalBlocks(text);
    const [command, ...more] = commands(text);
    assertEquals([others, more], [[], []]);
    const program = await build(name);
    await inFolder(async (folder) => {
      const file = join(folder, "conf");
      await Deno.writeTextFile(file, block);
      const own = command.replace(/ \/\S+$/, ` ${file}`);
      const env = { PATH: `${dirname(program)}:/usr/bin:/bin`, DMFILEMAPD_CONF: file };
      const { success, output } = await run("sh", ["-c", own], { env });
      assertEquals([success, output], [true, `${file}: ok\n`]);
      await Deno.writeTextFile(file, `${block}surplus = "1\n`);
      assertEquals((await run("sh", ["-c", own], { env })).success, false);
    });
  });
}

/** In folders of its own, ours in front of all programs. $1 is done before the examples, $2 behind them. */
const PRIVATE = `
  for folder in /run /var/log /etc/cluster; do
    mkdir -p $folder; mount -t tmpfs none $folder || exit 1
  done
  mkdir -p /var/log/libvirt /etc/cluster/cman-notify.d
  serves() {
    i=0
    while ! "$@" > /dev/null 2>&1; do i=$((i + 1)); [ $i -lt 600 ] || return 1; sleep 0.1; done
  }
  eval "$1" || exit 1
  status=0
  while IFS= read -r -d '' command; do
    eval "$command" > /run/said 2>&1 || { status=$?; echo "$command: $status" >&2; cat /run/said >&2; break; }
    echo "done: $command"
  done
  eval "$2"
  exit $status
`;

interface Case {
  readonly before?: string;
  readonly after?: string;
  readonly needs?: string;
}

/** What a script of cmannotifyd's is told, and nothing else. */
function toldBy(reason: Reason, quorum: { quorate?: boolean } = {}): string {
  const lists = { members: [], joined: [], left: [] };
  const notification = { ...lists, ...quorum, reason, sequence: 1, timeMs: 0, initial: true };
  const options = { debug: false, extraVariables: false };
  const variables = environmentOf({ ...notification, merged: 0 }, NO_FACTS, options);
  return variables.map(([name, value]) => `${name}=${value}`).join(" ");
}

/** The script of cmannotifyd(8) with what it would be told. What it says to logger(1) is heard. */
const TOLD = `
  printf '#!/bin/sh\necho "$*" >> /run/logged\n' > /run/logger && chmod 755 /run/logger
  mount --bind /run/logger /usr/bin/logger
  for told in '${toldBy("CONFIG_UPDATE")}' '${toldBy("STATECHANGE", { quorate: true })}'; do
    env -i $told /etc/cluster/cman-notify.d/50-log
  done
  printf 'CMAN_REASON_%s quorum=%s\n' CONFIG_UPDATE '' STATECHANGE 1 | diff - /run/logged >&2
`;

const CASES: Readonly<Record<string, Case>> = {
  cmannotifyd: { after: TOLD, needs: "/usr/bin/logger" },
  mdmpd: {},
  virtlockd: {
    before: "virtlockd -d && serves virtlockd status",
    after: "kill $(cat /run/virtlockd.pid)",
    needs: "/usr/bin/virt-admin",
  },
};

async function obstacle({ needs }: Case): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "not root";
  if (needs !== undefined && !await exists(needs)) return `"${needs}" is not installed`;
  return (await run("unshare", ["--mount", "true"])).success ? undefined : "no mount namespaces";
}

for (const [name, one] of Object.entries(CASES)) {
  const reason = await obstacle(one);
  const title = `the examples of ${name}(8) work as they stand there`;
  if (reason !== undefined) console.log(`SKIPPED ${title}: ${reason}`);
  Deno.test({ name: title, ignore: reason !== undefined }, async () => {
    const wanted = commands(await page(name, 8));
    const path = `${dirname(await build(name))}:/usr/sbin:/usr/bin:/sbin:/bin`;
    const shell = ["bash", "-c", PRIVATE, "bash", one.before ?? "", one.after ?? ""];
    const child = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", ...shell],
      clearEnv: true,
      env: { PATH: path },
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(wanted.map((command) => `${command}\0`).join("")));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assertEquals([code, decoder.decode(stderr)], [0, ""]);
    assertEquals(decoder.decode(stdout).match(/^done: /gm)?.length, wanted.length);
    assertMatch(wanted.join("\n"), new RegExp(`${name} status`));
  });
}

Deno.test("commands are what stands behind a prompt, and blocks with what follows", () => {
  const text = `.Sh EXAMPLES
Words:
.Dl # one \\(dqtwo\\(dq
.Bd -literal -offset indent
# cat > x <<'END'
\\&.Dl # text
END
# three
.Ed
.Sh BUGS
.Dl # four
`;
  assertEquals(commands(text), ['one "two"', "cat > x <<'END'\n.Dl # text\nEND", "three"]);
  assertEquals(literalBlocks(text), ["# cat > x <<'END'\n.Dl # text\nEND\n# three\n"]);
});
