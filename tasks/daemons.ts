/** The daemons of this checkout. */
import { join, toFileUrl } from "@std/path";
import type { Manifest } from "../src/host/manifest.ts";
import { exists, root } from "./toolchain.ts";

/** Names of the daemons that have a manifest, sorted. */
export async function daemonNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(join(root, "daemons"))) {
    if (await exists(join(root, "daemons", entry.name, "manifest.ts"))) names.push(entry.name);
  }
  return names.sort();
}

/** A daemon's manifest. Throws when there is no such daemon, or its manifest goes by another name. */
export async function loadManifest(name: string): Promise<Manifest> {
  const file = join(root, "daemons", name, "manifest.ts");
  if (!await exists(file)) throw new Error(`no daemon "${name}": "${file}" is not there`);
  const { manifest } = await import(toFileUrl(file).href) as { manifest: Manifest };
  if (manifest.name !== name) throw new Error(`"${file}" is the manifest of "${manifest.name}"`);
  return manifest;
}
