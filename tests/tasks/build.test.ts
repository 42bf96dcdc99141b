/** `deno task build` on a daemon made for the purpose. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { elfImageBytes } from "../../tasks/elf.ts";
import { hostTarget, run, type Target } from "../../tasks/toolchain.ts";
import { Checkout } from "./checkout.ts";

/** e_machine of elf.h: EM_X86_64, EM_AARCH64. */
const machines: Record<Target, number> = { amd64: 62, arm64: 183 };

async function machineOf(path: string): Promise<number> {
  const file = await Deno.readFile(path);
  assertEquals(elfImageBytes(file) < file.length, true, "nothing was appended to denort");
  return file[18] + 256 * file[19];
}

Deno.test("build makes a daemon that may open its library and nothing else", async () => {
  await using checkout = await Checkout.withTinyDaemon();
  const built = await checkout.task(["build"]);
  assertEquals(built.success, true, built.output);
  assertStringIncludes(built.output, `dist/tiny: built for ${hostTarget()}\n`);
  assertStringIncludes(built.output, `denort for ${hostTarget()}: `);
  const program = join(checkout.path, "dist/tiny");
  assertEquals(await machineOf(program), machines[hostTarget()]);
  assertEquals((await run(program, [])).output, "tiny true\nNotCapable\n");
});

Deno.test("build leaves an executable alone until its sources change", async () => {
  await using checkout = await Checkout.withTinyDaemon();
  const program = join(checkout.path, "dist/tiny");
  const inodeAfterBuild = async (says: string): Promise<number | null> => {
    assertStringIncludes((await checkout.task(["build", "tiny"])).output, says);
    return (await Deno.stat(program)).ino;
  };
  const first = await inodeAfterBuild("dist/tiny: built");
  assertEquals(await inodeAfterBuild("dist/tiny: up to date"), first);
  await checkout.write("daemons/tiny/main.ts", `console.log("changed");`);
  assertEquals(await inodeAfterBuild("dist/tiny: built") === first, false);
  assertEquals((await run(program, [])).output, "changed\n");
  await Deno.writeTextFile(program, "damaged");
  await inodeAfterBuild("dist/tiny: built");
});

for (const target of ["amd64", "arm64"] as const) {
  Deno.test(`build --target ${target} compiles for that machine`, async () => {
    await using checkout = await Checkout.withTinyDaemon();
    const built = await checkout.task(["build", "--target", target, "tiny"]);
    assertEquals(built.success, true, built.output);
    assertEquals(await machineOf(join(checkout.path, "dist", target, "tiny")), machines[target]);
  });
}

Deno.test("build says in one line what it cannot do", async () => {
  await using checkout = await Checkout.withTinyDaemon();
  const failures: [string[], string][] = [
    [["--target", "vax"], `build: unknown target "vax": use amd64 or arm64\n`],
    [["absent"], `build: no daemon "absent": `],
  ];
  for (const [args, says] of failures) {
    const failed = await checkout.task(["build", ...args]);
    assertEquals([failed.success, failed.output.trimEnd().split("\n").length], [false, 1]);
    assertStringIncludes(failed.output, says);
  }
});
