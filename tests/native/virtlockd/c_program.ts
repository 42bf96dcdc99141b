/** Small C programs of the tests, for what Deno cannot do: compiled once per test process. */

const programs = new Map<string, Promise<string>>();

/** Where the sources are unless told otherwise. */
const helpers = new URL("helpers/", import.meta.url);

/**
 * Compiles NAME.c of a folder with cc and gives the program's path, which every user may run.
 * Throws an Error with the messages of cc.
 */
export function compiled(name: string, sources = helpers): Promise<string> {
  const known = programs.get(name);
  if (known) return known;
  const program = compile(name, sources);
  programs.set(name, program);
  return program;
}

async function compile(name: string, sources: URL): Promise<string> {
  const source = new URL(`${name}.c`, sources).pathname;
  const program = `${await temporaryFolder(`hostkeep-${name}-`)}/${name}`;
  const args = ["-O1", "-Wall", "-Wextra", "-Werror", "-o", program, source];
  const { success, stderr } = await new Deno.Command("cc", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return program;
}

/** A folder that lives as long as the test process. */
export async function temporaryFolder(prefix: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix });
  await Deno.chmod(folder, 0o755);
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return folder;
}
