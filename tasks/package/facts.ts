/** What is the same in every package: whose it is, its version, its time. */
import { join } from "@std/path";
import type { Manifest } from "../../src/host/manifest.ts";
import { root } from "../toolchain.ts";

/** Who answers for packages that nobody has put a name to: a placeholder, since no mail gets there. */
export const MAINTAINER = "hostkeep maintainers <maintainers@hostkeep.invalid>";
export const LICENSE = "Apache-2.0";

/** The time of everything in a package of a version that has no date yet: the first of January 2026. */
const UNRELEASED_SECONDS = 1_767_225_600;

/** What all packages of one run have in common. */
export interface Release {
  readonly version: string;
  /** Seconds since 1970, of every file and every timestamp. */
  readonly epoch: number;
  /** Who answers for the packages: NAME <ADDRESS>. */
  readonly maintainer: string;
}

/** How the files of a package are compressed. "quick" and "none" are for trying things. */
export type Compression = "small" | "quick" | "none";

/** What is the same for all packages of a run. */
export interface PackageRun {
  readonly release: Release;
  readonly compression: Compression;
  /** Where the packages go. */
  readonly output: string;
}

/** The package of a daemon; with none, the one that brings all of them. */
export function packageName(daemon?: string): string {
  return daemon === undefined ? "hostkeep" : `hostkeep-${daemon}`;
}

/**
 * The version of deno.json, at SOURCE_DATE_EPOCH or else the date that CHANGELOG.md gives it, by DEBFULLNAME and DEBEMAIL or else
 * nobody in particular.
 */
export async function release(): Promise<Release> {
  const { version } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const chosen = Deno.env.get("SOURCE_DATE_EPOCH");
  const changelog = await Deno.readTextFile(join(root, "CHANGELOG.md"));
  return {
    version,
    epoch: chosen ? epochOf(chosen) : releaseSeconds(changelog, version),
    maintainer: maintainerOf(Deno.env.get("DEBFULLNAME"), Deno.env.get("DEBEMAIL")),
  };
}

/**
 * NAME <ADDRESS>, as Debian's tools make it of DEBFULLNAME and DEBEMAIL, which may be an address or all of it (debchange(1)). Throws
 * where half of it is missing, and on what has a meaning in a control file or a spec.
 */
export function maintainerOf(fullName = "", email = ""): string {
  if (fullName === "" && email === "") return MAINTAINER;
  const [, own = "", address = email] = /^(.*\S)\s*<(.*)>$/.exec(email) ?? [];
  const name = fullName || own;
  if (!/^[^<>@,%\p{Cc}]+$/u.test(name)) throw new Error(`DEBFULLNAME "${name}" is no name`);
  if (!/^[^\s<>@,%]+@[^\s<>@,%]+$/.test(address)) {
    throw new Error(`DEBEMAIL "${address}" is no address`);
  }
  return `${name} <${address}>`;
}

function epochOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`SOURCE_DATE_EPOCH is "${text}", not a number of seconds`);
}

/** The date in the heading "## VERSION – YYYY-MM-DD" of a changelog, in seconds since 1970. */
export function releaseSeconds(changelog: string, version: string): number {
  const headings = changelog.split("\n").filter((line) => line.startsWith(`## ${version} `));
  const date = /\d{4}-\d\d-\d\d$/.exec(headings[0] ?? "");
  return date === null ? UNRELEASED_SECONDS : Date.parse(`${date[0]}T00:00:00Z`) / 1000;
}

/** What a daemon's package says of itself, in paragraphs. */
export function descriptionOf(manifest: Manifest): string[] {
  return [
    ...manifest.description,
    "One executable with all that it needs but the C library, confined to what its manifest lists.",
  ];
}

/** The package that brings all daemons, in a line. */
export const META_SUMMARY = "storage and cluster daemons (metapackage)";

/** What it says of itself, in paragraphs. */
export const META_DESCRIPTION = [
  "Drop-in replacements for daemons of libvirt, lvm2, mdadm and the cluster manager CMAN: same sockets and protocols, same options " +
  "and files, same place in the system.",
  "This metapackage has no files of its own; it brings those of all daemons.",
];
