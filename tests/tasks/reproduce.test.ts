/** The same sources give the same executables, wherever and whenever they are built. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { daemonNames } from "../../tasks/daemons.ts";
import { sha256 } from "../../tasks/toolchain.ts";
import { readTree } from "../house/tree.ts";
import { Checkout } from "./checkout.ts";

/** What a checkout needs for a build; the copies get times of their own. */
async function sources(): Promise<string[]> {
  const built = /^(deno\.json|imports\.json|(src|ffi|daemons|tasks)\/.*\.ts)$/;
  return [
    ...(await readTree()).map(({ path }) => path).filter((path) => built.test(path)),
    "deno.lock",
  ];
}

/** Builds all daemons; resolves to the SHA-256 of each, in the order of their names. */
async function buildAll(checkout: Checkout, env: Record<string, string>): Promise<string[]> {
  const built = await checkout.task(["build"], env);
  assertEquals(built.success, true, built.output);
  const digests: string[] = [];
  for (const name of await daemonNames()) {
    const program = await Deno.readFile(join(checkout.path, "dist", name));
    assertEquals(holds(program, checkout.path), false, `"${name}" holds the path of its checkout`);
    digests.push(await sha256(program));
  }
  return digests;
}

function holds(bytes: Uint8Array, text: string): boolean {
  return new TextDecoder("latin1").decode(bytes).includes(text);
}

Deno.test("build gives the same bytes in two folders, whatever the environment", async () => {
  const files = await sources();
  await using here = await Checkout.of(files, "here");
  await using there = await Checkout.of(files, "there/and deeper");
  const first = await buildAll(here, { TZ: "UTC", LC_ALL: "C" });
  const second = await buildAll(there, {
    TZ: "Asia/Kolkata",
    LC_ALL: "C.UTF-8",
    OTEL_DENO: "true",
    OTEL_SERVICE_NAME: "elsewhere",
    SOURCE_DATE_EPOCH: "1000000000",
  });
  assertEquals(first.length > 0, true, "there is no daemon to build");
  assertEquals(second, first);
});
