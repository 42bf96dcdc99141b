/** Tests that need programs which may not be installed. */
import { run } from "../../tasks/toolchain.ts";

async function isInstalled(program: string): Promise<boolean> {
  return (await run("sh", ["-c", `command -v ${program}`])).success;
}

/** A test that is skipped, saying so, where one of the programs is missing. */
export async function testWith(
  programs: readonly string[],
  name: string,
  body: () => Promise<void>,
): Promise<void> {
  const missing: string[] = [];
  for (const program of programs) if (!await isInstalled(program)) missing.push(program);
  if (missing.length > 0) console.log(`SKIPPED ${name}: ${missing.join(", ")} not installed`);
  Deno.test({ name, ignore: missing.length > 0, fn: body });
}

/** Calls `body` with a new folder, which is removed afterwards; in `parent`, or where the system has such folders. */
export async function inFolder(
  body: (folder: string) => Promise<void>,
  parent?: string,
): Promise<void> {
  const folder = await Deno.makeTempDir({
    prefix: "hostkeep-",
    ...(parent === undefined ? {} : { dir: parent }),
  });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
