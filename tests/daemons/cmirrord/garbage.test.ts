/** A mirror waits for each answer: what a request leaves behind, the collector has to stop for. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { manifest } from "../../../daemons/cmirrord/manifest.ts";

const child = fromFileUrl(new URL("./garbage_child.ts", import.meta.url));
const config = fromFileUrl(new URL("../../../deno.json", import.meta.url));
const WRITES = 20_000;
const REQUESTS = 6 * WRITES;
/** A young generation of 1 MiB is then filled by 6,000 requests or more: less than 180 bytes of each, numbers that are no integers. */
const MOST_SCAVENGES = 20;

Deno.test("a request of a node that is alone leaves next to nothing for the collector", async () => {
  const flags = ["--single-threaded", "--trace-gc", ...manifest.v8Flags].join(",");
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", `--config=${config}`, `--v8-flags=${flags}`, child, `${WRITES}`],
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(/answered .*/.exec(text)?.[0], `answered ${REQUESTS}, complaints 0`);
  const scavenges = text.match(/Scavenge/g)?.length ?? 0;
  assertEquals(scavenges <= MOST_SCAVENGES, true, `${scavenges} scavenges in ${REQUESTS} requests`);
});
