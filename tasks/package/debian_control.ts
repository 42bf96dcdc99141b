/** The texts that a Debian package says about itself: control file, changelog, copyright, and what lintian is told. */
import type { Manifest } from "../../src/host/manifest.ts";
import type { Target } from "../toolchain.ts";
import { wrap } from "../wrap.ts";
import {
  descriptionOf,
  LICENSE,
  META_DESCRIPTION,
  META_SUMMARY,
  packageName,
  type Release,
} from "./facts.ts";

/** Debian's package of each library that a manifest may name. */
const PACKAGE_OF_LIBRARY: Readonly<Record<string, string>> = {
  "libc.so.6": "libc6 (>= 2.27)",
  "libcorosync_common.so.4": "libcorosync-common4 (>= 3.1.1)",
  "libcfg.so.7": "libcfg7 (>= 3.1.1)",
  "libcmap.so.4": "libcmap4 (>= 3.1.1)",
  "libcpg.so.4": "libcpg4 (>= 3.1.1)",
  "libquorum.so.5": "libquorum5 (>= 3.1.1)",
};

/** Of packages that a daemon is of little use without; it starts without them, and waits. */
const RECOMMENDED: Readonly<Record<string, string>> = {
  cmannotifyd: "corosync",
  cmirrord: "corosync, dmsetup",
  dmfilemapd: "dmsetup",
  virtlockd: "libvirt-daemon-system",
};

/** The version of a Debian package: the product's, in its first packaging. */
export function debianVersion({ version }: Release): string {
  return `${version}-1`;
}

/** What Depends: says. Throws on a library that no package is known for. */
export function dependencies({ name, libraries }: Manifest): string[] {
  const packages = libraries.map((library) => {
    const found = PACKAGE_OF_LIBRARY[library];
    if (found === undefined) {
      throw new Error(`no Debian package is known for "${library}" of "${name}"`);
    }
    return found;
  });
  return [...packages, "libgcc-s1"].sort();
}

function extended(paragraphs: readonly string[]): string[] {
  return paragraphs.flatMap((text, index) => [
    ...(index === 0 ? [] : [" ."]),
    ...wrap(text, 76).map((line) => ` ${line}`),
  ]);
}

function common(release: Release, summary: string, paragraphs: readonly string[]): string[] {
  return [
    `Version: ${debianVersion(release)}`,
    `Maintainer: ${release.maintainer}`,
    "Section: admin",
    "Priority: optional",
    `Description: ${summary}`,
    ...extended(paragraphs),
    "",
  ];
}

/** The control file of a daemon's package. `bytes`: what its files take. */
export function controlOf(
  manifest: Manifest,
  target: Target,
  release: Release,
  bytes: number,
): string {
  const recommended = RECOMMENDED[manifest.name];
  return [
    `Package: ${packageName(manifest.name)}`,
    "Source: hostkeep",
    `Architecture: ${target}`,
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    `Depends: ${dependencies(manifest).join(", ")}`,
    ...(recommended === undefined ? [] : [`Recommends: ${recommended}`]),
    ...common(release, manifest.summary, descriptionOf(manifest)),
  ].join("\n");
}

/** The control file of the package that brings those of `daemons`. */
export function metaControl(daemons: readonly string[], release: Release): string {
  const exact = daemons.map((name) => `${packageName(name)} (= ${debianVersion(release)})`);
  return [
    `Package: ${packageName()}`,
    "Architecture: all",
    "Installed-Size: 16",
    `Depends: ${exact.join(", ")}`,
    ...common(release, META_SUMMARY, META_DESCRIPTION),
  ].join("\n");
}

/** changelog.Debian: one entry, since what changed is in the changelog of the product. */
export function changelog(release: Release): string {
  const date = new Date(release.epoch * 1000).toUTCString().replace("GMT", "+0000");
  return [
    `hostkeep (${debianVersion(release)}) unstable; urgency=medium`,
    "",
    `  * Version ${release.version}.`,
    "",
    ` -- ${release.maintainer}  ${date}`,
    "",
  ].join("\n");
}

/** The copyright file. The executables contain Deno and two packages from npm. */
export function copyright(): string {
  return [
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
    "Upstream-Name: hostkeep",
    "",
    "Files: *",
    "Copyright: 2026 hostkeep maintainers",
    `License: ${LICENSE}`,
    " On Debian systems, the full text of the Apache License, version 2.0, is in",
    " /usr/share/common-licenses/Apache-2.0.",
    "Comment:",
    " The executables contain the runtime of Deno (MIT) with V8 (BSD-3-clause), and",
    " the npm packages @logtape/logtape (MIT) and valibot (MIT).",
    "",
  ].join("\n");
}
