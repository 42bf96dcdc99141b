/**
 * What Debian's libvirt packages have under the names of ours, and how dpkg-divert puts it aside.
 *
 * Not Conflicts: virtlockd is a part of libvirt-daemon, without which ours has nobody to serve. Not update-alternatives:
 * the sandbox lets the daemon execute programs of its own folder only, and libvirt does not register its program as one.
 */
import { join } from "@std/path";
import { isService, PROGRAM_FOLDER, units } from "../unit.ts";
import type { Manifest } from "../../src/host/manifest.ts";
import { DEBIAN } from "./layout.ts";
import { packageName } from "./facts.ts";

/** Daemons whose original Debian 12 has, under the same paths. */
const REPLACES_DEBIANS = new Set(["virtlockd"]);

/** Each path of ours that belongs to another package, and where that package's file goes. */
export function diversions(manifest: Manifest): [string, string][] {
  const { name } = manifest;
  if (!REPLACES_DEBIANS.has(name) || !isService(manifest)) return [];
  const unitPaths = [...units(manifest).keys()].map((unit) => join(DEBIAN.units, unit));
  return [
    [join(PROGRAM_FOLDER, name), join(PROGRAM_FOLDER, `${name}.libvirt`)],
    [`/usr/share/man/man8/${name}.8.gz`, `/usr/share/man/man8/${name}.libvirt.8.gz`],
    // systemd takes no notice of a name that does not end in a kind of unit.
    ...unitPaths.map((path): [string, string] => [path, `${path}.libvirt`]),
  ];
}

function command(
  manifest: Manifest,
  action: "--add" | "--remove",
  path: string,
  aside: string,
): string {
  const owner = packageName(manifest.name);
  return `dpkg-divert --package ${owner} ${action} --rename --divert ${aside} ${path}`;
}

/** Lines of preinst: before our files are unpacked. Somebody else's diversion, such as README's by hand, is not ours to end. */
export function addDiversions(manifest: Manifest): string[] {
  const added = diversions(manifest);
  if (added.length === 0) return [];
  const owner = packageName(manifest.name);
  return [
    'if [ "$1" = install ] || [ "$1" = upgrade ]; then',
    `  for path in ${added.map(([path]) => path).join(" ")}; do`,
    '    other=$(dpkg-divert --listpackage "$path")',
    `    [ -n "$other" ] && [ "$other" != ${owner} ] || continue`,
    `    echo "${owner}: $path is diverted already, by $other. Move away what is there, then:" >&2`,
    '    echo "  dpkg-divert --rename --remove $path" >&2',
    "    exit 1",
    "  done",
    ...added.map(([path, aside]) => `  ${command(manifest, "--add", path, aside)}`),
    "fi",
  ];
}

/** Lines of postrm: when our files are gone. Where preinst met somebody else's diversion, that stays. */
export function removeDiversions(manifest: Manifest): string[] {
  const removed = diversions(manifest);
  if (removed.length === 0) return [];
  const owner = packageName(manifest.name);
  const actions = ["remove", "abort-install", "disappear"].map((action) => `[ "$1" = ${action} ]`);
  return [
    `if ${actions.join(" || ")}; then`,
    ...removed.flatMap(([path, aside]) => [
      `  [ "$(dpkg-divert --listpackage ${path})" != ${owner} ] ||`,
      `    ${command(manifest, "--remove", path, aside)}`,
    ]),
    "fi",
  ];
}
