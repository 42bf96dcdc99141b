/** RPM packages as rpmlint and rpm see them. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { build } from "../../../tasks/build.ts";
import { daemonNames, loadManifest } from "../../../tasks/daemons.ts";
import { MAINTAINER, type PackageRun } from "../../../tasks/package/facts.ts";
import { rpmMetaPackage, rpmPackage } from "../../../tasks/package/rpm.ts";
import { lintConfiguration } from "../../../tasks/package/rpm_lint.ts";
import { scriptlets } from "../../../tasks/package/rpm_scripts.ts";
import { run, sha256, type Target } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../needs.ts";

const daemons = await daemonNames();

/** Stands where a daemon would be that no test looks at. */
const SMALL = "/usr/bin/true";

async function settingsFor(output: string): Promise<PackageRun> {
  await Deno.mkdir(output, { recursive: true });
  return {
    release: { version: "0.1.0", epoch: 1_767_225_600, maintainer: MAINTAINER },
    compression: "none",
    output,
  };
}

async function packed(
  name: string,
  program: string,
  output: string,
  target: Target = "amd64",
): Promise<string> {
  return await rpmPackage(await loadManifest(name), program, target, await settingsFor(output));
}

async function done(command: string, args: readonly string[]): Promise<string> {
  const { success, output } = await run(command, args);
  assertEquals(success, true, output);
  return output;
}

async function sumOf(path: string): Promise<string> {
  return await sha256(await Deno.readFile(path));
}

await testWith(["rpmlint", "rpmbuild"], "rpmlint finds nothing in any package", async () => {
  await inFolder(async (folder) => {
    const [first, ...others] = daemons;
    const paths = [await packed(first, await build(first), folder)];
    for (const name of others) paths.push(await packed(name, SMALL, folder));
    paths.push(await rpmMetaPackage(daemons, await settingsFor(folder)));
    const configuration = join(folder, "rpmlint.toml");
    await Deno.writeTextFile(configuration, lintConfiguration());
    const output = await done("rpmlint", ["--config", configuration, ...paths]);
    assertMatch(output, / 6 packages and 0 specfiles checked; 0 errors, 0 warnings/);
  });
});

await testWith(
  ["rpmbuild"],
  "rpmPackage gives the same bytes, whatever time, umask and zone",
  async () => {
    await inFolder(async (folder) => {
      const first = await packed("mdmpd", SMALL, join(folder, "first"));
      // What a command that takes the blank for the end of the path would find.
      await Deno.mkdir(join(folder, "second/and"), { recursive: true });
      await Deno.writeTextFile(join(folder, "second/and/other"), "");
      const umask = Deno.umask(0o077);
      Deno.env.set("TZ", "Asia/Tokyo");
      try {
        const second = await packed("mdmpd", SMALL, join(folder, "second/and deeper"));
        assertEquals(await sumOf(second), await sumOf(first));
      } finally {
        Deno.umask(umask);
        Deno.env.delete("TZ");
      }
    });
  },
);

await testWith(
  ["rpmbuild", "rpm2cpio", "cpio", "cmp"],
  "rpmPackage leaves the executable as it was built",
  async () => {
    await inFolder(async (folder) => {
      const path = await packed("virtlockd", await build("virtlockd"), folder);
      const unpack = 'rpm2cpio "$1" | cpio -i --quiet --to-stdout';
      const script = `${unpack} ./usr/libexec/hostkeep/virtlockd | cmp - "$2"`;
      await done("sh", ["-c", script, "sh", path, await build("virtlockd")]);
    });
  },
);

await testWith(["rpmbuild", "rpm"], "rpmPackage says which machine it is for", async () => {
  await inFolder(async (folder) => {
    for (const [target, machine] of [["amd64", "x86_64"], ["arm64", "aarch64"]] as const) {
      const path = await packed("mdmpd", SMALL, folder, target);
      assertEquals(await done("rpm", ["-qp", "--qf", "%{ARCH}", path]), machine);
    }
  });
});

Deno.test("scriptlets never stop or restart virtlockd", async () => {
  const scripts = [...scriptlets(await loadManifest("virtlockd")).values()].join("");
  assertMatch(scripts, /systemctl reload virtlockd\.service/);
  assertEquals(/\b(stop|restart|try-restart|--now)\b/.test(scripts), false);
});
