/** The files of a daemon's package, derived from its manifest. */
import { basename, dirname, join } from "@std/path";
import { gzipSync } from "node:zlib";
import type { Manifest } from "../../src/host/manifest.ts";
import { completions } from "../completion.ts";
import { manPagePath } from "../man.ts";
import { exists, root } from "../toolchain.ts";
import { apparmorProfile, dropIn, isService, units } from "../unit.ts";
import { profileText } from "./apparmor.ts";
import { type Layout, programFolder } from "./layout.ts";
import { packageName } from "./facts.ts";

/** A file or folder as it is to be installed. */
export interface Entry {
  /** Absolute. */
  readonly path: string;
  readonly mode: number;
  /** What is in it: a file to copy, or the bytes; absent for a folder. */
  readonly source?: { readonly file: string } | { readonly bytes: Uint8Array<ArrayBuffer> };
  /** An administrator changes it, and an upgrade keeps the changes. */
  readonly config?: true;
}

/** The path of each daemon's configuration file that another package has: the file is ours to read, not to bring. */
const FOREIGN_CONFIGURATION = new Set(["/etc/libvirt/virtlockd.conf"]);

/** Where scripts and files of an administrator are looked for, which a package has to make. */
const EMPTY_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  cmannotifyd: ["/etc/cluster/cman-notify.d"],
};

/** Further files of a daemon's folder, for its documentation. */
const DOCUMENTS: Readonly<Record<string, readonly string[]>> = {
  cmannotifyd: ["cman_notify_template.sh"],
};

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** A text file that all may read. */
export function textEntry(path: string, text: string): Entry {
  return { path, mode: 0o644, source: { bytes: bytesOf(text) } };
}

/** The same, compressed as `gzip -9n` does it. */
export function gzipEntry(path: string, text: string): Entry {
  const bytes = new Uint8Array(gzipSync(text, { level: 9 }));
  return { path: `${path}.gz`, mode: 0o644, source: { bytes } };
}

/** All files of a daemon but what one kind of package adds, sorted by path. `program`: the executable that was built. */
export async function contentOf(
  manifest: Manifest,
  program: string,
  layout: Layout,
): Promise<Entry[]> {
  const { name } = manifest;
  return [
    {
      path: join(programFolder(layout, name), name),
      mode: 0o755,
      source: { file: program },
    } as const,
    ...unitEntries(manifest, layout),
    ...tmpfilesEntries(manifest),
    apparmorEntry(manifest, layout),
    ...completionEntries(manifest, layout),
    ...await manualEntries(name, layout),
    ...await configurationEntries(manifest, layout),
    ...documentEntries(name, layout),
    ...(EMPTY_FOLDERS[name] ?? []).map((path) => ({ path, mode: 0o755 })),
  ].toSorted((a, b) => a.path < b.path ? -1 : 1);
}

function unitEntries(manifest: Manifest, layout: Layout): Entry[] {
  const { name } = manifest;
  const program = programFolder(layout, name);
  if (!layout.besideOriginal.has(name)) {
    return [...units(manifest, program)].map(([unit, text]) =>
      textEntry(join(layout.units, unit), text)
    );
  }
  if (!isService(manifest)) return [];
  const changes = join(layout.units, `${name}.service.d/hostkeep.conf`);
  return [textEntry(changes, dropIn(manifest, program))];
}

function apparmorEntry(manifest: Manifest, layout: Layout): Entry {
  const text = profileText(manifest, programFolder(layout, manifest.name));
  return { ...textEntry(profilePath(manifest.name), text), config: true };
}

/** Where a daemon's AppArmor profile is installed. */
export function profilePath(daemon: string): string {
  return join("/etc/apparmor.d", apparmorProfile(daemon));
}

function completionEntries(manifest: Manifest, { zshCompletions }: Layout): Entry[] {
  const folders: Readonly<Record<string, string>> = {
    bash: "/usr/share/bash-completion/completions",
    zsh: zshCompletions,
    fish: "/usr/share/fish/vendor_completions.d",
  };
  return [...completions(manifest)].map(([name, text]) =>
    textEntry(join(folders[dirname(name)], basename(name)), text)
  );
}

/** The daemon's page, and its configuration file's, which no original has. */
async function manualEntries(name: string, { besideOriginal }: Layout): Promise<Entry[]> {
  const shown = besideOriginal.has(name) ? packageName(name) : name;
  return [
    gzipEntry(`/usr/share/man/man5/${name}.conf.5`, await Deno.readTextFile(manPagePath(name, 5))),
    gzipEntry(`/usr/share/man/man8/${shown}.8`, await Deno.readTextFile(manPagePath(name))),
  ];
}

async function configurationEntries(manifest: Manifest, layout: Layout): Promise<Entry[]> {
  const file = join(root, "daemons", manifest.name, `${manifest.name}.conf`);
  const places = manifest.files.map(({ path }) => path);
  const path = places.find((place) => basename(place) === basename(file));
  if (path === undefined || !await exists(file)) return [];
  if (!FOREIGN_CONFIGURATION.has(path)) {
    return [{ path, mode: 0o644, source: { file }, config: true }];
  }
  const examples = join(layout.documents(packageName(manifest.name)), "examples");
  return [{ path: join(examples, basename(file)), mode: 0o644, source: { file } }];
}

function documentEntries(name: string, layout: Layout): Entry[] {
  const folder = join(layout.documents(packageName(name)), "examples");
  return (DOCUMENTS[name] ?? []).map((file) => ({
    path: join(folder, file),
    mode: 0o755,
    source: { file: join(root, "daemons", name, file) },
  }));
}

/** Folders below /run that a daemon without a service, which would have a RuntimeDirectory=, needs. */
export function runFolders(manifest: Manifest): string[] {
  if (isService(manifest)) return [];
  const folders = manifest.files.map(({ path }) => /^\/run\/[^/]+(?=\/)/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))];
}

function tmpfilesEntries(manifest: Manifest): Entry[] {
  const folders = runFolders(manifest);
  if (folders.length === 0) return [];
  const lines = folders.map((folder) => `d ${folder} 0755 root root -\n`);
  return [textEntry(`/usr/lib/tmpfiles.d/${manifest.name}.conf`, lines.join(""))];
}
