/**
 * AppArmor profiles, derived from the manifests. What Landlock and seccomp allow once a daemon serves, a profile allows from its
 * first instruction on, and so also what it needs to start.
 *
 * The units name their profile (tasks/unit.ts), so that it is on the service and not on the program: not on who asks for its
 * status, nor on who runs an administrator's scripts. Only a daemon without a unit gets its profile by its path.
 */
import { dirname, join } from "@std/path";
import type { Manifest, PathGrant, PathRight } from "../../src/host/manifest.ts";
import { apparmorProfile, isService } from "../unit.ts";

/** Letters of apparmor.d(5), in the order in which rules have them. */
const LETTERS = ["m", "r", "w", "k", "ix"] as const;
type Letter = typeof LETTERS[number];

/** Who may write a file may lock it; whoever makes or removes one writes, to AppArmor. */
const ACCESS: Readonly<Record<PathRight, readonly Letter[]>> = {
  read: ["r"],
  write: ["w", "k"],
  create: ["w", "k"],
  socket: ["w"],
  remove: ["w"],
  execute: ["m", "r", "ix"],
};

function rule(path: string, letters: readonly Letter[]): string {
  return `${path} ${LETTERS.filter((letter) => letters.includes(letter)).join("")},`;
}

/** A file, or a folder and all that is in it. /lib and its like may be links into /usr, which AppArmor does not see. */
function withBelow(path: string): string {
  const real = path.replace(/^\/(lib64|lib|bin|sbin)(?=\/|$)/, "/{usr/,}$1");
  return real === "/" ? "/{,**}" : `${real}{,/,/**}`;
}

/** To AppArmor a lease is a lock (fcntl_setlease in fs/locks.c), and who takes leases takes them on what it reads. */
function takesLeases({ capabilities }: Manifest): boolean {
  return capabilities.some(({ name }) => name === "CAP_LEASE");
}

/** A grant of a place that depends on the system is that of the files which the manifest names there. */
function grantRules({ path, rights }: PathGrant, leases: boolean): string[] {
  if (path.startsWith("$")) return [];
  const letters = rights.flatMap((one) => ACCESS[one]);
  return [rule(withBelow(path), leases && rights.includes("read") ? [...letters, "k"] : letters)];
}

/** A file is written anew under another name, beside it, and then renamed. */
function ownFileRule(path: string): string {
  if (/^\/(etc|proc|sys|usr)\//.test(path)) return rule(withBelow(path), ["r"]);
  const folder = dirname(path);
  const all = folder === "/run" || folder.startsWith("/dev") ? `${path}*` : `${folder}/{,**}`;
  return rule(all, ["r", "w", "k"]);
}

function configFolderRules({ files, paths }: Manifest): string[] {
  if (!paths.some(({ path }) => path === "$config")) return [];
  const configs = files.filter(({ path }) => path.startsWith("/etc/"));
  return configs.map(({ path }) => rule(`${dirname(path)}/`, ["r"]));
}

/** Families beyond AF_UNIX are for the start, and stand in the unit. */
function networkRules({ unit }: Manifest): string[] {
  const directives = unit?.hardening.map(({ directive }) => directive) ?? [];
  const families = directives.flatMap((line) =>
    /^RestrictAddressFamilies=(.*)$/.exec(line)?.[1].split(" ") ?? []
  );
  const others = families.filter((family) => family !== "AF_UNIX");
  return [
    "network unix,",
    "unix,",
    ...others.map((family) => `network ${family.slice("AF_".length).toLowerCase()},`),
  ];
}

function capabilityRules({ capabilities }: Manifest): string[] {
  const names = capabilities.map(({ name }) => name.slice("CAP_".length).toLowerCase());
  return [...names, "setpcap"].map((name) => `capability ${name},`); // setpcap: to give the others up
}

/** What the runtime and src/host look at, besides what abstractions/base has. */
const RUNTIME = [
  "/proc/@{pid}/** r,",
  "/proc/sys/** r,",
  "/sys/fs/cgroup/** r,",
  "/sys/kernel/mm/transparent_hugepage/** r,",
  "@{run}/systemd/notify w,",
];

/** Who connects to a socket reads and writes it. */
function helperRules({ unit }: Manifest): string[] {
  return unit?.helper === undefined ? [] : [rule(unit.helper.path, ["r", "w"])];
}

function rules(manifest: Manifest, program: string): string[] {
  const executes = manifest.paths.some(({ path, rights }) =>
    path === "$program" && rights.includes("execute")
  );
  const kills = manifest.capabilities.some(({ name }) => name === "CAP_KILL");
  const found = [
    rule(program, executes ? ["m", "r", "ix"] : ["m", "r"]),
    ...helperRules(manifest),
    ...capabilityRules(manifest),
    ...networkRules(manifest),
    ...(kills ? ["signal (send),"] : []),
    ...RUNTIME,
    ...manifest.files.map(({ path }) => ownFileRule(path)),
    ...configFolderRules(manifest),
    ...manifest.paths.flatMap((grant) => grantRules(grant, takesLeases(manifest))),
  ];
  return [...new Set(found)];
}

/** The text of /etc/apparmor.d/NAME, where NAME is the profile's. */
export function profileText(manifest: Manifest, programFolder: string): string {
  const name = apparmorProfile(manifest.name);
  const program = join(programFolder, manifest.name);
  const service = isService(manifest);
  return [
    `# ${manifest.summary}`,
    "abi <abi/3.0>,",
    "include <tunables/global>",
    "",
    "# Mounts of a service's own make paths that begin nowhere.",
    `profile ${name}${service ? "" : ` ${program}`} flags=(attach_disconnected) {`,
    "  include <abstractions/base>",
    // Who is not started by the service manager says something to a terminal.
    ...(service ? [] : ["  include <abstractions/consoles>"]),
    "",
    ...rules(manifest, program).map((line) => `  ${line}`),
    "",
    `  include if exists <local/${name}>`,
    "}",
    "",
  ].join("\n");
}
