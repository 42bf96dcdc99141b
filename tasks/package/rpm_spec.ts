/** The texts that an RPM package is made from. */
import type { Manifest } from "../../src/host/manifest.ts";
import { wrap } from "../wrap.ts";
import type { Entry } from "./content.ts";
import {
  descriptionOf,
  LICENSE,
  META_DESCRIPTION,
  META_SUMMARY,
  packageName,
  type Release,
} from "./facts.ts";
import { scriptlets } from "./rpm_scripts.ts";

/**
 * What packages have of the same name in distributions that still have them: they cannot be beside ours. Those that others need
 * as they are stand in tasks/package/layout.ts.
 */
const CONFLICTS: Readonly<Record<string, readonly string[]>> = {
  cmirrord: ["cmirror"], // RHEL 7
  cmannotifyd: ["cman"], // RHEL 6
};

/** Of packages that a daemon is of little use without; it starts without them, and waits. */
const RECOMMENDED: Readonly<Record<string, readonly string[]>> = {
  cmannotifyd: ["corosync"],
  cmirrord: ["corosync", "device-mapper"],
  dmfilemapd: ["device-mapper"],
};

/** Whose units ours changes: it has no service of its own. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  virtlockd: ["/usr/sbin/virtlockd"],
};

/** What is said of a package besides its files. */
interface Header {
  readonly name: string;
  readonly summary: string;
  readonly paragraphs: readonly string[];
  readonly noarch?: true;
  /** Lines NAME: VALUE. */
  readonly relations: readonly string[];
}

/** Version and release, as they stand in a file's name. */
export function rpmVersion({ version }: Release): string {
  return `${version}-1`;
}

/** By soname, since distributions have one library in packages of many names. elfdeps sees what the runtime is linked with. */
function libraries(manifest: Manifest): string[] {
  return manifest.libraries.filter((library) => library !== "libc.so.6")
    .map((library) => `${library}()(64bit)`);
}

function relations(manifest: Manifest): string[] {
  const { name } = manifest;
  const line = (tag: string, values: readonly string[] = []): string[] =>
    values.map((value) => `${tag}: ${value}`);
  return [
    ...line("Requires", libraries(manifest)),
    ...line("Requires", REQUIRED[name]),
    ...line("Recommends", RECOMMENDED[name]),
    ...line("Conflicts", CONFLICTS[name]),
  ];
}

function preamble(
  { name, summary, paragraphs, noarch, relations }: Header,
  release: Release,
): string[] {
  return [
    `Name: ${name}`,
    `Version: ${release.version}`,
    "Release: 1",
    `Summary: ${summary[0].toUpperCase()}${summary.slice(1)}`,
    `License: ${LICENSE}`,
    "Group: System Environment/Daemons",
    `Packager: ${release.maintainer}`,
    ...(noarch ? ["BuildArch: noarch"] : []),
    ...relations,
    "",
    "%description",
    ...paragraphs.flatMap((text, index) => [...(index === 0 ? [] : [""]), ...wrap(text, 78)]),
    "",
    "%install",
    'cp -a "%{staged}/." "%{buildroot}/"',
  ];
}

/** How %files calls an entry, by where it is or what it is for. */
function kindOf({ path, source, config }: Entry): string {
  if (source === undefined) return "%dir ";
  if (config) return "%config(noreplace) ";
  if (path.startsWith("/usr/share/licenses/")) return "%license ";
  return /^\/usr\/share\/(doc|man)\//.test(path) ? "%doc " : "";
}

function fileLine(entry: Entry): string {
  const mode = entry.mode.toString(8).padStart(4, "0");
  return `${kindOf(entry)}%attr(${mode},root,root) ${entry.path}`;
}

function changelog(release: Release): string[] {
  const [weekday, day, month, year] = new Date(release.epoch * 1000).toUTCString().split(/,? /);
  const date = `${weekday} ${month} ${day} ${year}`;
  return [
    `* ${date} ${release.maintainer} - ${rpmVersion(release)}`,
    `- Version ${release.version}.`,
  ];
}

function spec(
  header: Header,
  entries: readonly Entry[],
  release: Release,
  scripts: ReadonlyMap<string, string> = new Map(),
): string {
  return [
    ...preamble(header, release),
    ...[...scripts].flatMap(([name, text]) => ["", `%${name}`, text]),
    "",
    "%files",
    ...entries.map(fileLine),
    "",
    "%changelog",
    ...changelog(release),
    "",
  ].join("\n");
}

/** The spec of a daemon's package, of which `entries` are the files. */
export function daemonSpec(
  manifest: Manifest,
  entries: readonly Entry[],
  release: Release,
): string {
  const header = {
    name: packageName(manifest.name),
    summary: manifest.summary,
    paragraphs: descriptionOf(manifest),
    relations: relations(manifest),
  };
  return spec(header, entries, release, scriptlets(manifest));
}

/** The spec of the package that brings those of `daemons`. */
export function metaSpec(
  daemons: readonly string[],
  entries: readonly Entry[],
  release: Release,
): string {
  const header: Header = {
    name: packageName(),
    summary: META_SUMMARY,
    paragraphs: META_DESCRIPTION,
    noarch: true,
    relations: daemons.map((name) => `Requires: ${packageName(name)} = ${release.version}`),
  };
  return spec(header, entries, release);
}
