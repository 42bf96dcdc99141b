/** docs/troubleshooting.md has every warning and error that an administrator can see, and nothing that is not said any more. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { EVENTS } from "../../daemons/mdmpd/events.ts";
import { daemonNames } from "../../tasks/daemons.ts";
import { root } from "../../tasks/toolchain.ts";
import { documented, matches, readSource } from "./messages.ts";

const EVERYBODY = "All of them";
const page = documented(await Deno.readTextFile(join(root, "docs/troubleshooting.md")));
const common = page.get(EVERYBODY) ?? [];

for (const daemon of await daemonNames()) {
  const own = page.get(daemon) ?? [];
  const { strings, logged } = await readSource(`daemons/${daemon}`);

  Deno.test(`troubleshooting: what it has of ${daemon} is in the source`, () => {
    assertEquals(own.length > 5, true);
    const gone = own.filter((message) => ![...strings].some((one) => matches(message, one)));
    assertEquals(gone, []);
  });

  Deno.test(`troubleshooting: it has every warning and error of ${daemon}`, () => {
    assertEquals(logged.size > 3, true);
    const known = [...own, ...common];
    assertEquals([...logged].filter((one) => !known.some((message) => matches(message, one))), []);
  });
}

Deno.test("troubleshooting: what it has of all daemons is in the source, and all of it", async () => {
  const host = await readSource("src/host");
  const daemons = await readSource("daemons");
  const strings = [...host.strings, ...daemons.strings];
  assertEquals(common.filter((message) => !strings.some((one) => matches(message, one))), []);
  assertEquals(
    [...host.logged].filter((one) => !common.some((message) => matches(message, one))),
    [],
  );
});

Deno.test("troubleshooting: it has every event of mdmpd that is a warning or an error", () => {
  const names = EVENTS.filter(({ priority }) => priority > 2).map(({ name }): string => name);
  assertEquals(names.filter((name) => !(page.get("mdmpd") ?? []).includes(name)), []);
});

Deno.test("troubleshooting: it has every word that cmirrord has for its mirrors", async () => {
  const { strings } = await readSource("daemons/cmirrord/effects");
  const words = [...strings].filter((one) => one.startsWith("[…] "));
  assertEquals(words.length > 5, true);
  const own = page.get("cmirrord") ?? [];
  assertEquals(words.filter((one) => !own.some((message) => matches(message, one))), []);
});

Deno.test("troubleshooting: it has every reason for which mdmpd does not see its arrays", async () => {
  const { strings } = await readSource("daemons/mdmpd/effects");
  const reasons = [...strings].filter((one) =>
    /^(\/proc\/mdstat|arrays) (is|has|cannot)\b/.test(one) && !one.endsWith(" again")
  );
  assertEquals(reasons.length > 4, true);
  const own = page.get("mdmpd") ?? [];
  assertEquals(reasons.filter((one) => !own.some((message) => matches(message, one))), []);
});
