/**
 * Maintainer scripts of the Debian packages: what debhelper's would do for the units, but for daemons that must not be stopped
 * (tasks/package/services.ts) and for what is diverted.
 */
import type { Manifest } from "../../src/host/manifest.ts";
import { isService, units } from "../unit.ts";
import { profilePath, runFolders } from "./content.ts";
import { addDiversions, removeDiversions } from "./debian_diversions.ts";
import { type Handling, handlingOf, isUnused, keptNotice } from "./services.ts";

const SYSTEMD_RUNS = "[ -d /run/systemd/system ]";
const RELOAD_UNITS = "  systemctl --system daemon-reload >/dev/null || true";

/** Log files that the daemon's configuration names by default; purge removes them. */
function logFiles({ files }: Manifest): string[] {
  return files.map(({ path }) => path).filter((path) => path.startsWith("/var/log/"));
}

/** Units that are enabled and started: all but those that are started for a connection. */
function ownUnits(manifest: Manifest): string[] {
  return [...units(manifest).keys()].filter((name) => !name.includes("@"));
}

function enable(unit: string): string[] {
  return [
    `  deb-systemd-helper unmask ${unit} >/dev/null || true`,
    `  if deb-systemd-helper --quiet was-enabled ${unit}; then`,
    `    deb-systemd-helper enable ${unit} >/dev/null || true`,
    "  else",
    `    deb-systemd-helper update-state ${unit} >/dev/null || true`,
    "  fi",
  ];
}

function startAnew(manifest: Manifest): string {
  const sockets = ownUnits(manifest).filter((name) => name.endsWith(".socket"));
  const started = manifest.sockets.length > 0 ? sockets : [...sockets, `${manifest.name}.service`];
  return `deb-systemd-invoke start ${started.join(" ")} >/dev/null || true`;
}

function takeOver({ name }: Manifest, { upgrade }: Handling): string {
  const unit = `${name}.service`;
  if (upgrade === "restart") return `deb-systemd-invoke restart ${unit} >/dev/null || true`;
  if (upgrade === "keep") {
    return `echo "${name}: a running daemon goes on until it is started anew"`;
  }
  return `systemctl reload ${unit} || true`;
}

/** A daemon that is active already may be an older one of ours, or the original. */
function startOrTakeOver(manifest: Manifest): string[] {
  return [
    `if ${SYSTEMD_RUNS}; then`,
    RELOAD_UNITS,
    `  if systemctl --quiet is-active ${manifest.name}.service; then`,
    `    ${takeOver(manifest, handlingOf(manifest.name))}`,
    "  else",
    `    ${startAnew(manifest)}`,
    "  fi",
    "fi",
  ];
}

/** As dh_apparmor has it: before the daemon is started. */
function loadProfile({ name }: Manifest): string[] {
  return [
    "  if command -v apparmor_parser >/dev/null && aa-enabled --quiet 2>/dev/null; then",
    `    apparmor_parser --replace --skip-read-cache --write-cache ${profilePath(name)} || true`,
    "  fi",
  ];
}

function postinst(manifest: Manifest): string[] {
  const tmpfiles = runFolders(manifest).length === 0
    ? []
    : [`  systemd-tmpfiles --create ${manifest.name}.conf >/dev/null || true`];
  const body = [...loadProfile(manifest), ...ownUnits(manifest).flatMap(enable), ...tmpfiles];
  return [
    'if [ "$1" = configure ] || [ "$1" = abort-upgrade ] || [ "$1" = abort-remove ]; then',
    ...body,
    ...(isService(manifest) ? startOrTakeOver(manifest).map((line) => `  ${line}`) : []),
    "fi",
  ];
}

function stop(manifest: Manifest): string {
  return `deb-systemd-invoke stop ${ownUnits(manifest).join(" ")} >/dev/null || true`;
}

function prerm(manifest: Manifest): string[] {
  const { removal } = handlingOf(manifest.name);
  if (!isService(manifest) || removal === "keep") return [];
  const begin = `if [ "$1" = remove ] && ${SYSTEMD_RUNS}; then`;
  if (removal === "stop") return [begin, `  ${stop(manifest)}`, "fi"];
  return [
    begin,
    `  if ${isUnused(manifest.name)}; then`,
    `    ${stop(manifest)}`,
    "  else",
    ...keptNotice(manifest.name).map((line) => `    ${line}`),
    "  fi",
    "fi",
  ];
}

/** The original, where there is one, takes over in its turn. */
function giveBack({ name }: Manifest): string[] {
  if (handlingOf(name).upgrade !== "reload") return [];
  const active = `systemctl --quiet is-active ${name}.service`;
  return [
    `  if [ "$1" = remove ] && command -v ${name} >/dev/null && ${active}; then`,
    `    systemctl reload ${name}.service || true`,
    "  fi",
  ];
}

/** Units of the same name that the original has keep their state. */
function forget(manifest: Manifest): string[] {
  return ownUnits(manifest).map((unit) =>
    `  [ -e /lib/systemd/system/${unit} ] || deb-systemd-helper purge ${unit} >/dev/null || true`
  );
}

function postrm(manifest: Manifest): string[] {
  const removed = logFiles(manifest);
  const logs = handlingOf(manifest.name).removal === "keep" || removed.length === 0
    ? []
    : [`  rm -f ${removed.join(" ")}`];
  const purged = [...forget(manifest), ...logs];
  return [
    ...removeDiversions(manifest),
    ...(isService(manifest)
      ? [`if ${SYSTEMD_RUNS}; then`, RELOAD_UNITS, ...giveBack(manifest), "fi"]
      : []),
    ...(purged.length > 0 ? ['if [ "$1" = purge ]; then', ...purged, "fi"] : []),
  ];
}

/** The scripts of a daemon's package, by name; those that would do nothing are left out. */
export function maintainerScripts(manifest: Manifest): Map<string, string> {
  const bodies: [string, string[]][] = [
    ["preinst", addDiversions(manifest)],
    ["postinst", postinst(manifest)],
    ["prerm", prerm(manifest)],
    ["postrm", postrm(manifest)],
  ];
  // Two lines would be a condition with nothing in it.
  return new Map(
    bodies.filter(([, body]) => body.length > 2).map(([name, body]) => [
      name,
      ["#!/bin/sh", "set -e", ...body, ""].join("\n"),
    ]),
  );
}
