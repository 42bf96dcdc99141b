/** The small parts that tasks are made of. */
import { assertEquals, assertThrows } from "@std/assert";
import { candidatePaths } from "../../ffi/libraries.ts";
import type { Manifest } from "../../src/host/manifest.ts";
import { withoutFolder } from "../../tasks/bundle.ts";
import { elfImageBytes } from "../../tasks/elf.ts";
import { compileFlags } from "../../tasks/flags.ts";
import { installedIn, missingPackages } from "../../tasks/setup.ts";

function manifest(parts: Partial<Manifest>): Manifest {
  return { name: "sample", libraries: [], v8Flags: [], ...parts } as Manifest;
}

Deno.test("compileFlags grants the manifest's libraries, at the places of the target, and nothing else", () => {
  const flags = compileFlags(manifest({ libraries: ["liba.so.1", "libb.so.2"] }), "arm64");
  const paths = ["liba.so.1", "libb.so.2"].flatMap((name) => candidatePaths(name, "aarch64"));
  assertEquals(flags.filter((flag) => flag.startsWith("--allow")), [
    `--allow-ffi=${paths.join(",")}`,
  ]);
  assertEquals(flags.slice(0, 2), ["--no-prompt", "--no-code-cache"]);
});

Deno.test("compileFlags adds the manifest's V8 flags to those of every daemon", () => {
  const flags = compileFlags(manifest({ libraries: ["x"], v8Flags: ["--jitless"] }), "amd64");
  const v8 =
    "--v8-flags=--single-threaded,--max-old-space-size=48,--stack-size=4000,--no-enable-lazy-source-positions,--jitless";
  assertEquals(flags.includes(v8), true, flags.join(" "));
});

Deno.test("compileFlags leaves FFI unscoped only where the manifest gives a reason", () => {
  const unscoped = compileFlags(manifest({ libraries: ["x"], ffiUnscoped: "callbacks" }), "amd64");
  assertEquals(unscoped.includes("--allow-ffi"), true);
  assertThrows(() => compileFlags(manifest({}), "amd64"), Error, "names no library");
});

Deno.test("elfImageBytes ends an image behind its section headers", () => {
  const file = new Uint8Array(4096);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  const view = new DataView(file.buffer);
  view.setBigUint64(40, 1000n, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, 10, true);
  assertEquals(elfImageBytes(file), 1640);
  assertThrows(() => elfImageBytes(file.subarray(0, 1639)), Error, "before its section headers");
  assertThrows(() => elfImageBytes(file.subarray(0, 63)), Error, "not a little-endian ELF-64");
  file[4] = 1; // ELFCLASS32
  assertThrows(() => elfImageBytes(file), Error, "not a little-endian ELF-64");
});

Deno.test("withoutFolder takes Deno's cache, and with it the registry, out of a bundle", () => {
  const code =
    `// ../c+d/npm/host.example/valibot/1.5.0/index.mjs\n"../c+d/npm/host.example/@a/b/1.0.0/x.js"(e)`;
  const clean = `// npm/valibot/1.5.0/index.mjs\n"npm/@a/b/1.0.0/x.js"(e)`;
  assertEquals(withoutFolder(code, "../c+d/npm"), clean);
  assertEquals(withoutFolder("// src/npm/x/y.ts", "../c/npm"), "// src/npm/x/y.ts");
});

Deno.test("installedIn believes dpkg only about packages that are installed", () => {
  const listing = "gcc ii \nlibc6-dev:amd64 ii \nkept:amd64 hi \ngone rc \nbroken iU \n";
  assertEquals(installedIn(listing), new Set(["gcc", "libc6-dev", "kept"]));
});

Deno.test("missingPackages names a package that cannot be installed", async () => {
  const missing = await missingPackages(["dpkg", "no-such-package-of-hostkeep"]);
  assertEquals(missing, ["no-such-package-of-hostkeep"]);
});
