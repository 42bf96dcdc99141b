/** Debian packages as lintian and dpkg-deb see them. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import type { Manifest } from "../../../src/host/manifest.ts";
import { build } from "../../../tasks/build.ts";
import { daemonNames, loadManifest } from "../../../tasks/daemons.ts";
import { debianMetaPackage, debianPackage } from "../../../tasks/package/debian.ts";
import { dependencies } from "../../../tasks/package/debian_control.ts";
import { maintainerScripts } from "../../../tasks/package/debian_scripts.ts";
import { type PackageRun, release } from "../../../tasks/package/facts.ts";
import { hostTarget, run, sha256 } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../needs.ts";

const daemons = await daemonNames();

async function settingsFor(output: string): Promise<PackageRun> {
  await Deno.mkdir(output, { recursive: true });
  return { release: await release(), compression: "quick", output };
}

async function packed(name: string, output: string): Promise<string> {
  const manifest = await loadManifest(name);
  return await debianPackage(manifest, await build(name), hostTarget(), await settingsFor(output));
}

/** The executables differ in a few lines of JavaScript: lintian reads one of them, and this one where the others would be. */
const SMALL = "/usr/bin/true";

async function complaints(paths: readonly string[]): Promise<string> {
  return (await run("lintian", ["--allow-root", ...paths])).output;
}

await testWith(["lintian", "dpkg-deb"], "lintian finds nothing in any package", async () => {
  await inFolder(async (folder) => {
    const [first, ...others] = daemons;
    const settings = await settingsFor(folder);
    const whole = [await packed(first, folder), await debianMetaPackage(daemons, settings)];
    assertEquals(await complaints(whole), "");
    for (const name of others) {
      const path = await debianPackage(await loadManifest(name), SMALL, hostTarget(), settings);
      assertEquals(await complaints([path]), "");
    }
  });
});

await testWith(
  ["dpkg-deb"],
  "debianPackage gives the same bytes, whatever time and umask",
  async () => {
    await inFolder(async (folder) => {
      const first = await packed("mdmpd", join(folder, "first"));
      const umask = Deno.umask(0o077);
      try {
        const second = await packed("mdmpd", join(folder, "second"));
        assertEquals(await sumOf(second), await sumOf(first));
      } finally {
        Deno.umask(umask);
      }
    });
  },
);

async function sumOf(path: string): Promise<string> {
  return await sha256(await Deno.readFile(path));
}

await testWith(
  ["dpkg-deb", "cmp"],
  "debianPackage leaves the executable as it was built",
  async () => {
    await inFolder(async (folder) => {
      const path = await packed("virtlockd", folder);
      const script = `dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/sbin/virtlockd | cmp - "$2"`;
      const compared = await run("sh", ["-c", script, "sh", path, await build("virtlockd")]);
      assertEquals(compared.success, true, compared.output);
    });
  },
);

Deno.test("dependencies are those of the manifest's libraries", async () => {
  assertEquals(dependencies(await loadManifest("mdmpd")), ["libc6 (>= 2.27)", "libgcc-s1"]);
  assertMatch(dependencies(await loadManifest("cmirrord")).join(), /libcpg4/);
  const strange = { name: "strange", libraries: ["libnone.so.1"] } as unknown as Manifest;
  assertThrows(() => dependencies(strange), Error, "libnone.so.1");
});

Deno.test("maintainerScripts never stop or restart virtlockd", async () => {
  const scripts = [...maintainerScripts(await loadManifest("virtlockd")).values()].join("");
  assertMatch(scripts, /systemctl reload virtlockd\.service/);
  assertEquals(/\b(stop|restart|try-restart)\b/.test(scripts), false);
});
