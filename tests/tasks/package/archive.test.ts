/** The archive installs what it lists, beside what was there, and takes it away again. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { build } from "../../../tasks/build.ts";
import { archive } from "../../../tasks/package/archive.ts";
import { MAINTAINER } from "../../../tasks/package/facts.ts";
import { hostTarget, run, sha256 } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../needs.ts";

/** Stands in an archive where an executable would be that no test looks at. */
const SMALL = "/usr/bin/true";

async function packed(output: string, programs: ReadonlyMap<string, string>): Promise<string> {
  await Deno.mkdir(output, { recursive: true });
  const release = { version: "0.1.0", epoch: 1_700_000_000, maintainer: MAINTAINER };
  return await archive({ target: hostTarget(), release, compression: "none", output, programs });
}

async function done(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, output } = await run(command, args, { cwd });
  assertEquals(success, true, output);
  return output;
}

/** Every file below a folder, with its sum. */
async function filesIn(folder: string): Promise<string> {
  return await done("sh", ["-c", "find . -type f -exec sha256sum {} + | sort -k 2"], folder);
}

/** A system where libvirt's daemon is installed, and an administrator has a configuration. */
async function systemIn(folder: string): Promise<void> {
  await Deno.mkdir(join(folder, "usr/sbin"), { recursive: true });
  await Deno.mkdir(join(folder, "etc/cluster"), { recursive: true });
  await Deno.writeTextFile(join(folder, "usr/sbin/virtlockd"), "libvirt's");
  await Deno.writeTextFile(join(folder, "etc/cluster/cmannotifyd.conf"), "debug = 1\n");
}

await testWith(
  ["tar", "xz"],
  "install.sh installs over an original and gives it back",
  async () => {
    await inFolder(async (folder) => {
      const programs = new Map([["cmannotifyd", SMALL], ["virtlockd", await build("virtlockd")]]);
      await done("tar", ["-xJf", await packed(folder, programs)], folder);
      const system = join(folder, "system");
      await systemIn(system);
      const before = await filesIn(system);
      const script = join(folder, `hostkeep-0.1.0-${hostTarget()}`, "install.sh");
      for (const _ of ["installed", "installed again, which is an upgrade"]) {
        await done(script, ["--root", system], folder);
        const program = join(system, "usr/sbin/virtlockd");
        assertEquals(await sha256(await Deno.readFile(program)), await sumOf("virtlockd"));
        assertEquals(await Deno.readTextFile(`${program}.before-hostkeep`), "libvirt's");
      }
      const configuration = join(system, "etc/cluster/cmannotifyd.conf");
      assertEquals(await Deno.readTextFile(configuration), "debug = 1\n");
      await done(script, ["--root", system, "--remove"], folder);
      assertEquals(await filesIn(system), before);
    });
  },
);

await testWith(
  ["tar", "xz"],
  "install.sh takes its configuration away unless somebody changed it",
  async () => {
    await inFolder(async (folder) => {
      const programs = new Map([["cmannotifyd", SMALL]]);
      await done("tar", ["-xJf", await packed(folder, programs)], folder);
      const system = join(folder, "system");
      await Deno.mkdir(system);
      const script = join(folder, `hostkeep-0.1.0-${hostTarget()}`, "install.sh");
      const call = async (...options: string[]): Promise<string> =>
        await done(script, ["--root", system, ...options], folder);
      await call();
      await call("--remove");
      assertEquals(await filesIn(system), "");
      await call();
      const configuration = join(system, "etc/cluster/cmannotifyd.conf");
      await Deno.writeTextFile(configuration, "debug = 1\n");
      const said = await call("--remove");
      assertEquals(said.includes("cmannotifyd.conf is not as it was brought, and stays"), true);
      assertEquals(await Deno.readTextFile(configuration), "debug = 1\n");
    });
  },
);

async function sumOf(name: string): Promise<string> {
  return await sha256(await Deno.readFile(await build(name)));
}

await testWith(["tar", "xz"], "archive gives the same bytes in two folders", async () => {
  await inFolder(async (folder) => {
    const programs = new Map([["mdmpd", SMALL], ["virtlockd", SMALL]]);
    const first = await packed(join(folder, "first"), programs);
    const second = await packed(join(folder, "second/and deeper"), programs);
    const sums = [await Deno.readFile(first), await Deno.readFile(second)].map(sha256);
    const [one, other] = await Promise.all(sums);
    assertEquals(other, one);
  });
});
