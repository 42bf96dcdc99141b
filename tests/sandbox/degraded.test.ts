/** Daemons without a sandbox, and with half of one. That of dmfilemapd, which needs a device to follow, is tried in the rig. */
import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { build } from "../../tasks/build.ts";
import { exists, run } from "../../tasks/toolchain.ts";

const OLD_KERNEL = fromFileUrl(new URL("./old_kernel.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
/** How each is started in the foreground. */
const FOREGROUND: Readonly<Record<string, readonly string[]>> = {
  cmannotifyd: ["-f"],
  cmirrord: ["-f"],
  mdmpd: ["-f"],
  virtlockd: ["-f", "/dev/null"],
};

/** In folders of its own. $1 is the program, whose status is asked; then comes the command that starts it. */
const SCRIPT = `
  for folder in /run /var/log /etc/cluster; do
    [ -d $folder ] || continue
    mount -t tmpfs none $folder || exit 1
  done
  program=$1; shift
  "$@" 2> /run/said & pid=$!
  i=0
  while ! $program status --json > /run/status 2> /dev/null; do
    i=$((i + 1)); [ $i -lt 600 ] && kill -0 $pid || break
    sleep 0.1
  done
  kill $pid; wait $pid
  echo "$?"; cat /run/status; echo; cat /run/said
`;

interface Life {
  readonly code: number;
  /** Of `status`, in which the sandbox is described. */
  readonly sandbox: string;
  readonly log: string;
}

async function live(program: string, command: readonly string[]): Promise<Life> {
  const args = [
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    SCRIPT,
    "sh",
    program,
    ...command,
  ];
  const { stdout, output } = await run("unshare", args, {
    clearEnv: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  const [code, status, ...log] = stdout.split("\n");
  if (!status?.startsWith("{")) throw new Error(output);
  return { code: Number(code), sandbox: JSON.parse(status).sandbox, log: log.join("\n") };
}

async function obstacle(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "not root";
  // cmirrord would hear the requests of mirrors that are another daemon's.
  if (await exists("/sys/module/dm_log_userspace")) return "the kernel may have cluster mirrors";
  return (await run("unshare", ["--mount", "true"])).success ? undefined : "no mount namespaces";
}

const reason = await obstacle();

function test(name: string, body: () => Promise<void>): void {
  if (reason !== undefined) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn: body });
}

for (const [name, args] of Object.entries(FOREGROUND)) {
  test(`${name} --no-sandbox says so in its log and to who asks, and serves`, async () => {
    const program = await build(name);
    const { code, sandbox, log } = await live(program, [program, "--no-sandbox", ...args]);
    assertEquals([code, sandbox], [0, "off (--no-sandbox)"], log);
    assertMatch(log, /no sandbox, as --no-sandbox says/);
  });

  test(`${name} on a kernel without Landlock says so, keeps what else there is, and serves`, async () => {
    const program = await build(name);
    const deno = [Deno.execPath(), "run", "-A", "--no-check", `--config=${CONFIG}`, OLD_KERNEL];
    const { code, sandbox, log } = await live(program, [...deno, program, ...args]);
    assertEquals(code, 0, log);
    assertMatch(
      sandbox,
      /^no_new_privs; capabilities: .*; Landlock: off, Function not implemented; seccomp: \d+ calls/,
    );
    assertMatch(
      log,
      /sandbox with gaps: no_new_privs; .*; Landlock: off, Function not implemented/,
    );
  });
}
