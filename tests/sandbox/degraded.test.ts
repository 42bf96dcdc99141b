/** Daemons without a sandbox, and with half of one. That of dmfilemapd, which needs a device to follow, is tried in the rig. */
import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { KINDS, PrivateDaemon, privateObstacle } from "../native/private_daemon.ts";

const OLD_KERNEL = fromFileUrl(new URL("./old_kernel.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
const asOldKernel = [Deno.execPath(), "run", "-A", "--no-check", `--config=${CONFIG}`, OLD_KERNEL];

const reason = await privateObstacle();

function test(name: string, body: () => Promise<void>): void {
  if (reason !== undefined) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn: body });
}

for (const name of Object.keys(KINDS)) {
  test(`${name} --no-sandbox says so in its log and to who asks, and serves`, async () => {
    await using daemon = await PrivateDaemon.start(name, { args: ["--no-sandbox"] });
    const { sandbox } = JSON.parse(await daemon.ask("status"));
    assertEquals([sandbox, await daemon.end()], ["off (--no-sandbox)", 0], daemon.log);
    assertMatch(daemon.log, /no sandbox, as --no-sandbox says/);
  });

  test(`${name} on a kernel without Landlock says so, keeps what else there is, and serves`, async () => {
    await using daemon = await PrivateDaemon.start(name, { front: asOldKernel });
    const { sandbox } = JSON.parse(await daemon.ask("status"));
    assertEquals(await daemon.end(), 0, daemon.log);
    const words = /no_new_privs; capabilities: .*; Landlock: off, Function not implemented/;
    assertMatch(sandbox, new RegExp(`^${words.source}; seccomp: \\d+ calls`));
    assertMatch(daemon.log, new RegExp(`sandbox with gaps: ${words.source}`));
  });
}
