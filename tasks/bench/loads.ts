/** The load programs of the benchmarks, compiled when they are needed. */

export interface Loads {
  /** Where they are; it goes with this process. */
  readonly folder: string;
  /** lock_load.c */
  readonly load: string;
  /** lock_times.c */
  readonly times: string;
  /** map_load.c */
  readonly map: string;
}

async function compile(name: string, folder: string): Promise<string> {
  const program = `${folder}/${name}`;
  const source = new URL(`${name}.c`, import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-O2", "-Wall", "-o", program, source],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return program;
}

/** Compiles them into a folder that goes with this process. Throws an Error with the messages of cc. */
export async function compileLoads(): Promise<Loads> {
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-bench-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return {
    folder,
    load: await compile("lock_load", folder),
    times: await compile("lock_times", folder),
    map: await compile("map_load", folder),
  };
}
