/** The bill of materials says what is in an executable. */
import { assertEquals, assertMatch } from "@std/assert";
import { build } from "../../../tasks/build.ts";
import { findDenort } from "../../../tasks/denort.ts";
import { MAINTAINER } from "../../../tasks/package/facts.ts";
import { executable, packagesIn, sbomOf } from "../../../tasks/package/sbom.ts";
import { denoVersion, hostTarget, root, sha256 } from "../../../tasks/toolchain.ts";

interface Component {
  readonly name: string;
  readonly version: string;
  readonly "bom-ref": string;
  readonly hashes?: readonly { readonly content: string }[];
}

interface Document {
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const program = await build("mdmpd");
const release = { version: "0.1.0", epoch: 0, maintainer: MAINTAINER };
const text = sbomOf([await executable("mdmpd", program)], release);
const document: Document = JSON.parse(text);

function component(name: string): Component | undefined {
  return document.components.find((one) => one.name === name);
}

Deno.test("sbomOf names denort, with the checksum of the file that the build took", async () => {
  const { path } = await findDenort(hostTarget());
  const denort = component("denort");
  assertEquals(denort?.version, denoVersion);
  const digest = denort?.hashes?.[0].content;
  // Deno keeps its own within an archive: then all that can be said is that there is a checksum.
  if (path === undefined) assertMatch(digest ?? "", /^[0-9a-f]{64}$/);
  else assertEquals(digest, await sha256(await Deno.readFile(path)));
});

Deno.test("sbomOf names the executable by its checksum, and the packages at the versions of imports.json", async () => {
  assertEquals(component("mdmpd")?.hashes?.[0].content, await sha256(await Deno.readFile(program)));
  const { imports } = JSON.parse(await Deno.readTextFile(`${root}/imports.json`));
  for (const name of ["@logtape/logtape", "valibot"]) {
    assertEquals(`npm:${name}@${component(name)?.version}`, imports[name]);
  }
});

Deno.test("sbomOf refers to nothing that it does not describe", () => {
  const described = new Set([...document.components.map((one) => one["bom-ref"]), "hostkeep"]);
  const named = document.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
  assertEquals(named.filter((ref) => !described.has(ref)), []);
  assertEquals(described.size, document.components.length + 1);
});

Deno.test("packagesIn takes each package once, scoped or not, and no other path", () => {
  const code =
    "// npm/@a/b/1.2.3/x.js\n// npm/@a/b/1.2.3/y.js\n// npm/c/4.0.0/z.js\n// src/npm/d/1.0.0/\n";
  assertEquals(packagesIn(code), [{ name: "@a/b", version: "1.2.3" }, {
    name: "c",
    version: "4.0.0",
  }]);
});
