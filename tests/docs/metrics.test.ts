/** docs/metrics.md has what the daemons export, by name, kind and meaning, and nothing else. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { updateMetrics } from "../../daemons/dmfilemapd/effects/update_metrics.ts";
import { commonRequests } from "../../src/host/control_requests.ts";
import { root } from "../../tasks/toolchain.ts";
import { KINDS, PrivateDaemon, privateObstacle } from "../native/private_daemon.ts";

const page = await Deno.readTextFile(join(root, "docs/metrics.md"));
const sections = new Map(
  page.split(/^## /m).slice(1).map((section) => {
    const [name, rest] = section.split(/\n([^]*)/);
    return [name, rest];
  }),
);

/** Its table, as lines `NAME KIND MEANING`. */
function documented(daemon: string): string[] {
  const rows = (sections.get(daemon) ?? "").matchAll(/^\| `(\w+)`\s*\| (\w+)\s*\| (.*?)\s*\|$/gm);
  return [...rows].map(([, name, kind, meaning]) => `${name} ${kind} ${meaning}`);
}

/** The same from the OpenMetrics text. */
function exported(text: string): string[] {
  const kinds = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  const meanings = new Map([...text.matchAll(/^# HELP (\w+) (.*)$/gm)].map(([, a, b]) => [a, b]));
  return kinds.map(([, name, kind]) => `${name} ${kind} ${meanings.get(name)}`);
}

const reason = await privateObstacle();

for (const [name, { control }] of Object.entries(KINDS)) {
  const title = `the metrics of a running ${name} are those that are documented`;
  if (reason !== undefined) console.log(`SKIPPED ${title}: ${reason}`);
  Deno.test({ name: title, ignore: reason !== undefined }, async () => {
    await using daemon = await PrivateDaemon.start(name);
    const found = exported(await daemon.ask("metrics"));
    assertEquals(found.length > 5, true);
    assertEquals(documented(name), found);
    assertEquals(sections.get(name)?.includes(`\`${control}\``), true, control);
    assertEquals(await daemon.end(), 0);
  });
}

Deno.test("the metrics of dmfilemapd are those that are documented", () => {
  const { all } = updateMetrics();
  const requests = commonRequests(() => all);
  assertEquals(documented("dmfilemapd"), exported(requests.metrics.answer([])));
});
