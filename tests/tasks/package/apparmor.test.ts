/** AppArmor profiles as apparmor_parser sees them; that a kernel holds a daemon to its own is shown in the rig. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { daemonNames, loadManifest } from "../../../tasks/daemons.ts";
import { profileText } from "../../../tasks/package/apparmor.ts";
import { run } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../needs.ts";

const FOLDER = "/usr/sbin";

/** Compiles a profile, and loads it into no kernel. */
async function parses(text: string, folder: string): Promise<boolean> {
  const path = join(folder, "profile");
  await Deno.writeTextFile(path, text);
  const { success } = await run("apparmor_parser", ["--skip-kernel-load", "--skip-cache", path]);
  return success;
}

await testWith(["apparmor_parser"], "apparmor_parser takes every profile", async () => {
  await inFolder(async (folder) => {
    for (const name of await daemonNames()) {
      const text = profileText(await loadManifest(name), FOLDER);
      assert(await parses(text, folder), name);
      assert(!await parses(text.replace("capability setpcap", "capability everything"), folder));
    }
  });
});

/** The rules of a profile that say anything about a path. */
async function rulesOn(daemon: string, path: string): Promise<string[]> {
  const lines = profileText(await loadManifest(daemon), FOLDER).split("\n");
  return lines.map((line) => line.trim()).filter((line) => line.startsWith(path));
}

Deno.test("profileText grants what the manifest grants, with the letters of apparmor.d", async () => {
  assertEquals(await rulesOn("mdmpd", "/dev"), ["/dev{,/,/**} r,"]);
  assertEquals(await rulesOn("mdmpd", "/usr/sbin"), ["/usr/sbin/mdmpd mrix,"]);
  assertEquals(await rulesOn("cmannotifyd", "/usr/sbin/cmannotifyd"), [
    "/usr/sbin/cmannotifyd mr,",
  ]);
  assertEquals(await rulesOn("cmirrord", "network"), ["network unix,", "network netlink,"]);
  assertEquals(await rulesOn("virtlockd", "signal"), ["signal (send),"]);
  assertEquals(await rulesOn("mdmpd", "signal"), []);
});

Deno.test("profileText lets who takes leases lock what it reads", async () => {
  assertEquals(await rulesOn("dmfilemapd", "/{,**}"), ["/{,**} rk,"]);
  assertEquals(await rulesOn("dmfilemapd", "/proc{"), ["/proc{,/,/**} rk,"]);
  assertEquals(await rulesOn("mdmpd", "/proc{"), ["/proc{,/,/**} r,"]);
});

Deno.test("profileText is attached to a path only where no unit names it", async () => {
  const headOf = async (daemon: string): Promise<string> =>
    (await rulesOn(daemon, "profile "))[0].replace(/ flags=.*/, "");
  assertEquals(await headOf("mdmpd"), "profile hostkeep-mdmpd");
  assertEquals(await headOf("dmfilemapd"), "profile hostkeep-dmfilemapd /usr/sbin/dmfilemapd");
});
