/**
 * Scriptlets of the RPM packages: what Fedora's %systemd_post, %systemd_preun and %systemd_postun_with_restart do, written out,
 * since RPM elsewhere does not know them; but for daemons that must not be stopped (tasks/package/services.ts). A scriptlet never
 * fails: it would leave the package half installed.
 *
 * RPM counts in $1 how many versions there will be: 1 at a first installation, 2 at an upgrade; 0 at a removal.
 */
import type { Manifest } from "../../src/host/manifest.ts";
import { isService, type ServiceManifest, units } from "../unit.ts";
import { profilePath, runFolders } from "./content.ts";
import { programFolder, RPM } from "./layout.ts";
import { handlingOf, isUnused, keptNotice } from "./services.ts";

const RELOAD_UNITS = "systemctl daemon-reload >/dev/null 2>&1 || :";

function whenSystemdRuns(...lines: readonly string[]): string[] {
  return ["if [ -d /run/systemd/system ]; then", ...lines.map((line) => `  ${line}`), "fi"];
}

/** Units of the package that are enabled by themselves; none where the units are the original's. */
function ownUnits(manifest: Manifest): string[] {
  if (RPM.besideOriginal.has(manifest.name)) return [];
  return [...units(manifest).keys()].filter((name) => !name.includes("@"));
}

/** Whether a unit is enabled is for the distribution's presets to say, and is said once. */
function preset(manifest: Manifest): string[] {
  const own = ownUnits(manifest);
  if (own.length === 0) return [];
  return [
    'if [ "$1" -eq 1 ]; then',
    `  systemctl --no-reload preset ${own.join(" ")} >/dev/null 2>&1 || :`,
    "fi",
  ];
}

function runtimeFolders(manifest: Manifest): string[] {
  if (runFolders(manifest).length === 0) return [];
  return [`systemd-tmpfiles --create ${manifest.name}.conf >/dev/null 2>&1 || :`];
}

/** Before the daemon is started, where the system has AppArmor. */
function loadProfile({ name }: Manifest): string[] {
  return [
    "if command -v apparmor_parser >/dev/null && aa-enabled --quiet 2>/dev/null; then",
    `  apparmor_parser --replace ${profilePath(name)} || :`,
    "fi",
  ];
}

/** The original may still run, beside which ours was put: it is not signalled for what it does not become. */
function reloadOurs(daemon: string): string[] {
  const service = `${daemon}.service`;
  return [
    `  pid=$(systemctl show --property=MainPID --value ${service})`,
    '  case $(readlink "/proc/$pid/exe") in', // PATH, or PATH (deleted)
    `    ${programFolder(RPM, daemon)}/*) systemctl reload ${service} || : ;;`,
    "  esac",
  ];
}

/** Our program is in its place by now, and so are its units. */
function post(manifest: Manifest): string[] {
  if (!isService(manifest)) return [...loadProfile(manifest), ...runtimeFolders(manifest)];
  const reload = handlingOf(manifest.name).upgrade === "reload"
    ? ['if [ "$1" -ge 2 ]; then', ...reloadOurs(manifest.name), "fi"]
    : [];
  return [
    ...loadProfile(manifest),
    ...preset(manifest),
    ...whenSystemdRuns(RELOAD_UNITS, ...reload),
  ];
}

function stop(manifest: ServiceManifest): string[] {
  const { name } = manifest;
  const disable = (how: string): string =>
    `systemctl --no-reload disable${how} ${ownUnits(manifest).join(" ")} >/dev/null 2>&1 || :`;
  if (handlingOf(name).removal === "stop") return [disable(" --now")];
  return [
    `if ! [ -d /run/systemd/system ] || ${isUnused(name)}; then`,
    `  ${disable(" --now")}`,
    "else",
    ...keptNotice(name).map((line) => `  ${line}`),
    `  ${disable("")}`,
    "fi",
  ];
}

function preun(manifest: Manifest): string[] {
  if (!isService(manifest) || handlingOf(manifest.name).removal === "keep") return [];
  return ['if [ "$1" -eq 0 ]; then', ...stop(manifest).map((line) => `  ${line}`), "fi"];
}

/** Behind the removal of the old version's files, whose units may have differed. */
function postun(manifest: Manifest): string[] {
  if (!isService(manifest)) return [];
  const restart = handlingOf(manifest.name).upgrade === "restart"
    ? [
      'if [ "$1" -ge 1 ]; then',
      `  systemctl try-restart ${manifest.name}.service >/dev/null 2>&1 || :`,
      "fi",
    ]
    : [];
  return whenSystemdRuns(RELOAD_UNITS, ...restart);
}

/** The scriptlets of a daemon's package, by name; those that would do nothing are left out. */
export function scriptlets(manifest: Manifest): Map<string, string> {
  const bodies: [string, string[]][] = [
    ["post", post(manifest)],
    ["preun", preun(manifest)],
    ["postun", postun(manifest)],
  ];
  return new Map(
    bodies.filter(([, body]) => body.length > 0).map(([name, body]) => [name, body.join("\n")]),
  );
}
