/** What the RPM package's script does to a running virtlockd when it is installed or upgraded: the original may be the one that runs. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { loadManifest } from "../../../tasks/daemons.ts";
import { scriptlets } from "../../../tasks/package/rpm_scripts.ts";
import { run } from "../../../tasks/toolchain.ts";
import { inFolder } from "../needs.ts";

const POST = scriptlets(await loadManifest("virtlockd")).get("post") ?? "";
const RELOAD = "systemctl reload virtlockd.service\n";

const SYSTEMCTL = `#!/bin/sh
case $* in
daemon-reload) ;;
"show --property=MainPID --value virtlockd.service") echo "$PID" ;;
*) echo "systemctl $*" >> "$CALLS" ;;
esac
`;

/** Runs the script beside a process whose program is in `program` of a folder that has ours in "ours"; what was called. */
async function called(count: string, program: string, isReplaced = false): Promise<string> {
  let calls = "";
  await inFolder(async (folder) => {
    for (const name of ["ours", "libvirt"]) await Deno.mkdir(join(folder, name));
    await Deno.writeTextFile(join(folder, "systemctl"), SYSTEMCTL, { mode: 0o755 });
    await Deno.writeTextFile(join(folder, "calls"), "");
    const path = join(folder, program, "virtlockd");
    await Deno.copyFile("/usr/bin/sleep", path);
    const daemon = new Deno.Command(path, { args: ["1000"] }).spawn();
    if (isReplaced) await Deno.remove(path);
    const here = POST.replaceAll("/run/systemd/system", folder)
      .replaceAll("/usr/libexec/hostkeep", join(folder, "ours"));
    const { success, output } = await run("sh", ["-c", here, "sh", count], {
      env: {
        ...{ PATH: `${folder}:/usr/bin:/bin`, PID: String(daemon.pid) },
        CALLS: join(folder, "calls"),
      },
    });
    daemon.kill("SIGKILL");
    await daemon.status;
    assertEquals([success, output], [true, ""]);
    calls = await Deno.readTextFile(join(folder, "calls"));
  });
  return calls;
}

Deno.test("an upgrade of the RPM package has our virtlockd become the new one", async () => {
  assertEquals(await called("2", "ours"), RELOAD);
  assertEquals(await called("2", "ours", true), RELOAD);
});

Deno.test("an upgrade of the RPM package leaves the original alone that still runs", async () => {
  assertEquals(await called("2", "libvirt"), "");
});

Deno.test("an installation of the RPM package signals nobody", async () => {
  assertEquals(await called("1", "libvirt"), "");
  assertEquals(await called("1", "ours"), "");
});
