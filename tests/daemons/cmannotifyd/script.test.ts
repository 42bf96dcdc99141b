import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { eventDirectory, isSkipped, scriptNames } from "../../../daemons/cmannotifyd/script.ts";

Deno.test("scriptNames orders by bytes, as LC_ALL=C ls does", () => {
  const names = ["ok.sh", "_c", "a", "README", "10a", "B", "9b", "\u00e9"];
  assertEquals(scriptNames(names), ["10a", "9b", "B", "README", "_c", "a", "ok.sh", "\u00e9"]);
});

Deno.test("isSkipped knows what editors and package managers leave", () => {
  const skipped = [".hidden", "a~", "a,", "a.cfsaved", "a.rpmsave", "a.rpmorig", "a.rpmnew"];
  const others = ["a.swp", "a,v", "a.dpkg-old", "a.dpkg-dist", "a.dpkg-new"];
  assertEquals([...skipped, ...others].filter((name) => !isSkipped(name)), []);
});

Deno.test("isSkipped leaves backups of other kinds and blanks alone, as the original did", () => {
  assertEquals(["a.bak", "a.orig", "README", "with blank", "a~b", "swp"].filter(isSkipped), []);
});

Deno.test("scriptNames drops nothing else, invents nothing and is sorted", () => {
  const name = fc.string({ minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.uniqueArray(name), (names) => {
      const ordered = scriptNames(names);
      assertEquals(new Set(ordered), new Set(names.filter((one) => !isSkipped(one))));
      for (let i = 1; i < ordered.length; i++) assertEquals(ordered[i - 1] < ordered[i], true);
    }),
    { seed: 5_1, numRuns: 2_000 },
  );
});

Deno.test("eventDirectory names a directory for each kind", () => {
  const kinds = (["TRY_SHUTDOWN", "STATECHANGE", "CONFIG_UPDATE"] as const).map(eventDirectory);
  assertEquals(kinds, ["try-shutdown.d", "statechange.d", "config-update.d"]);
});
