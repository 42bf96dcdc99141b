/** What is the same in all packages. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { loadManifest } from "../../../tasks/daemons.ts";
import { changelog, controlOf, metaControl } from "../../../tasks/package/debian_control.ts";
import { MAINTAINER, maintainerOf, releaseSeconds } from "../../../tasks/package/facts.ts";
import { daemonSpec, metaSpec } from "../../../tasks/package/rpm_spec.ts";

Deno.test("releaseSeconds is the date of the version's heading", () => {
  const changelog = "## 1.1.0 – unreleased\n## 1.0.0 – 2026-03-01\n";
  assertEquals(releaseSeconds(changelog, "1.0.0"), Date.UTC(2026, 2, 1) / 1000);
  assertEquals(releaseSeconds(changelog, "1.1.0"), Date.UTC(2026, 0, 1) / 1000);
});

Deno.test("maintainerOf takes DEBFULLNAME and DEBEMAIL as Debian's tools do", () => {
  const wanted = "Ada B. Lovelace <ada@example.org>";
  assertEquals(maintainerOf("Ada B. Lovelace", "ada@example.org"), wanted);
  assertEquals(maintainerOf("", wanted), wanted);
  assertEquals(maintainerOf("Ada B. Lovelace", "Somebody <ada@example.org>"), wanted);
  assertEquals(maintainerOf(), MAINTAINER);
  assertEquals(maintainerOf("", ""), MAINTAINER);
});

Deno.test("maintainerOf refuses half a name, and what has a meaning in a control file or a spec", () => {
  for (
    const [name, email] of [
      ["Ada", ""],
      ["", "ada@example.org"],
      ["Ada", "example.org"],
      ["Ada", "ada@example.org\nDepends: x"],
      ["Ada\nEssential: yes", "ada@example.org"],
      ["Ada %(id)", "ada@example.org"],
      ["Ada, Bob", "ada@example.org"],
    ]
  ) {
    assertThrows(() => maintainerOf(name, email), Error, " is no ", JSON.stringify([name, email]));
  }
});

Deno.test("every package says who answers for it", async () => {
  const release = { version: "0.1.0", epoch: 0, maintainer: "Ada <ada@example.org>" };
  const manifest = await loadManifest("mdmpd");
  for (const control of [controlOf(manifest, "amd64", release, 0), metaControl([], release)]) {
    assertStringIncludes(control, "\nMaintainer: Ada <ada@example.org>\n");
  }
  assertStringIncludes(changelog(release), "\n -- Ada <ada@example.org>  Thu, 01 Jan 1970");
  for (const spec of [daemonSpec(manifest, [], release), metaSpec([], [], release)]) {
    assertStringIncludes(spec, "\nPackager: Ada <ada@example.org>\n");
    assertStringIncludes(spec, "\n* Thu Jan 01 1970 Ada <ada@example.org> - 0.1.0-1\n");
  }
});
