/**
 * `deno task unit [--program-folder FOLDER] [NAME…]`: derives systemd units from the manifests, into dist/.
 *
 * A service gets what its manifest grants and nothing else. What no daemon of ours needs is forbidden to all of them here; a
 * manifest may say otherwise, with its reason.
 */
import { join, relative } from "@std/path";
import { parseArgs } from "node:util";
import type {
  DirectiveSpec,
  HelperSpec,
  Manifest,
  SocketSpec,
  UnitSpec,
} from "../src/host/manifest.ts";
import { allowedSyscalls } from "../src/host/runtime_syscalls.ts";
import { daemonNames, loadManifest } from "./daemons.ts";
import { root, runTask } from "./toolchain.ts";
import { wrap } from "./wrap.ts";

/** The manifest of a daemon that the service manager starts. */
export type ServiceManifest = Manifest & { readonly unit: UnitSpec };

/** Whether a daemon has units at all. */
export function isService(manifest: Manifest): manifest is ServiceManifest {
  return manifest.unit !== undefined;
}

/** Where an installed daemon is, unless the caller says otherwise. */
export const PROGRAM_FOLDER = "/usr/sbin";

const WIDTH = 100;

/** What no daemon of ours does, beyond what the manifest's lists leave out. */
const NEVER_NEEDED = [
  "NoNewPrivileges=yes",
  "IPAddressDeny=any",
  "LockPersonality=yes",
  "PrivateMounts=yes",
  "PrivateTmp=yes",
  "ProtectClock=yes",
  "ProtectControlGroups=yes",
  "ProtectHome=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "ProtectProc=invisible",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "SystemCallArchitectures=native",
];

/** What all of them need. */
const ALWAYS_NEEDED: DirectiveSpec = {
  directive: "MemoryDenyWriteExecute=no",
  why: "V8 compiles JavaScript to machine code as it runs.",
};

function comment(text: string): string[] {
  return wrap(text, WIDTH - 2).map((line) => `# ${line}`);
}

/** `NAME=a b c`, continued over lines where it is long. */
function listing(name: string, words: readonly string[]): string {
  return `${name}=${wrap(words.join(" "), WIDTH - name.length - 2).join(" \\\n  ")}`;
}

function optional(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}

function directiveName(line: string): string {
  return line.slice(0, line.indexOf("="));
}

function unitSection({ sockets, unit }: ServiceManifest): string[] {
  return [
    "[Unit]",
    `Description=${unit.description}`,
    ...unit.documentation.map((address) => `Documentation=${address}`),
    ...sockets.map(({ name }) => `Requires=${name}`),
    ...helperDependency(unit),
    ...unit.after.map((name) => `After=${name}`),
    ...unit.before.map((name) => `Before=${name}`),
    ...reasoned(unit.conditions ?? []),
  ];
}

function helperDependency({ helper }: UnitSpec): string[] {
  if (helper === undefined) return [];
  const socket = `${helper.name}.socket`;
  return [`${helper.optional ? "Wants" : "Requires"}=${socket}`, `After=${socket}`];
}

/** Each behind a blank line and its reason. */
function reasoned(directives: readonly DirectiveSpec[]): string[] {
  return directives.flatMap(({ directive, why }) => ["", ...comment(why), directive]);
}

/** A program and what it is always told, then what an administrator adds. */
function command(program: string, unit: UnitSpec): string {
  const always = unit.helper === undefined ? [] : [unit.helper.daemonArguments];
  return [program, ...always, ...addedArguments(unit)].join(" ");
}

function addedArguments({ argumentsVariable }: UnitSpec): string[] {
  return argumentsVariable === undefined ? [] : [`$${argumentsVariable}`];
}

/** The AppArmor profile of a daemon (tasks/package/apparmor.ts). */
export function apparmorProfile(daemon: string): string {
  return `hostkeep-${daemon}`;
}

/** The command is another program, which the service's list of system calls would kill: it runs without restrictions (+). */
function reloadLines({ execReload }: UnitSpec): string[] {
  return execReload === undefined ? [] : [`ExecReload=+${execReload}`];
}

/** Where what an administrator adds to the command line comes from. */
function addedEnvironment({ argumentsVariable, environmentFiles }: UnitSpec): string[] {
  return [
    ...(argumentsVariable === undefined ? [] : [`Environment=${argumentsVariable}=`]),
    ...environmentFiles.map((path) => `EnvironmentFile=-${path}`),
  ];
}

function startLines({ name, unit }: ServiceManifest, programFolder: string): string[] {
  const program = join(programFolder, name);
  return [
    "Type=notify",
    "Environment=NO_COLOR=1",
    ...addedEnvironment(unit),
    `ExecStart=${command(program, unit)}`,
    ...reloadLines(unit),
    ...optional("LimitNOFILE", unit.limitNofile),
    ...optional("OOMScoreAdjust", unit.oomScoreAdjust),
  ];
}

function capabilityLines({ capabilities }: Manifest): string[] {
  return [
    ...capabilities.flatMap(({ name, why }) => comment(`${name}: ${why}`)),
    listing("CapabilityBoundingSet", capabilities.map(({ name }) => name)),
  ];
}

/**
 * A call that is not in the list ends the process, systemd's default, unless the manifest wants it refused. clone3 passes its
 * flags in memory, where a filter cannot look: it is listed because RestrictNamespaces= answers it with ENOSYS, upon which the
 * C library takes clone.
 */
function syscallLines(manifest: Manifest): string[] {
  return [
    listing("SystemCallFilter", [...allowedSyscalls(manifest), "clone3"].sort()),
    ...(manifest.otherSyscalls === "errno" ? ["SystemCallErrorNumber=EPERM"] : []),
  ];
}

function hardeningLines({ name, unit }: ServiceManifest): string[] {
  const own = new Set(unit.hardening.map(({ directive }) => directiveName(directive)));
  return [
    ...NEVER_NEEDED.filter((line) => !own.has(directiveName(line))),
    `AppArmorProfile=-${apparmorProfile(name)}`, // where it is loaded
    ...reasoned([...unit.hardening, ALWAYS_NEEDED]),
  ];
}

function installSection({ sockets, unit }: ServiceManifest): string[] {
  const also = unit.helper === undefined ? [] : [`Also=${unit.helper.name}.socket`];
  const lines = sockets.length > 0
    ? sockets.map(({ name }) => `Also=${name}`)
    : ["WantedBy=multi-user.target"];
  return ["[Install]", ...lines, ...also];
}

/** All of the [Service] section but how the daemon is started. */
function confinementLines(manifest: ServiceManifest): string[] {
  return [
    "",
    ...capabilityLines(manifest),
    "",
    ...syscallLines(manifest),
    "",
    ...hardeningLines(manifest),
    "",
  ];
}

/** The text of NAME.service. */
export function serviceUnit(manifest: ServiceManifest, programFolder = PROGRAM_FOLDER): string {
  return [
    ...unitSection(manifest),
    "",
    "[Service]",
    ...startLines(manifest, programFolder),
    ...confinementLines(manifest),
    ...installSection(manifest),
    "",
  ].join("\n");
}

/** The text of a file in NAME.service.d that makes a service of ours out of the original's. Its sockets are those of ours. */
export function dropIn(manifest: ServiceManifest, programFolder: string): string {
  const anew = ["ExecStart=", "ExecReload="]; // or there would be two of them
  return [
    "[Service]",
    ...anew,
    ...startLines(manifest, programFolder),
    ...confinementLines(manifest),
  ]
    .join("\n");
}

/** The text of a socket's unit. The first socket of a daemon leads: the others come and go with it. */
export function socketUnit({ name, sockets, unit }: ServiceManifest, socket: SocketSpec): string {
  const [first] = sockets;
  const follows = socket === first ? [] : [`BindsTo=${first.name}`, `After=${first.name}`];
  return [
    "[Unit]",
    `Description=${socket.summary}`,
    ...unit.documentation.map((address) => `Documentation=${address}`),
    ...unit.before.map((other) => `Before=${other}`),
    ...follows,
    "",
    "[Socket]",
    `ListenStream=${socket.path}`,
    `SocketMode=${socket.mode}`,
    `Service=${name}.service`,
    "",
    "[Install]",
    "WantedBy=sockets.target",
    "",
  ].join("\n");
}

/** The text of a helper's socket. */
function helperSocket({ unit }: ServiceManifest, helper: HelperSpec): string {
  return [
    "[Unit]",
    `Description=${helper.description}`,
    ...unit.documentation.map((address) => `Documentation=${address}`),
    "",
    "[Socket]",
    `ListenSequentialPacket=${helper.path}`,
    "SocketMode=0600",
    "Accept=yes",
    "",
    "[Install]",
    "WantedBy=sockets.target",
    "",
  ].join("\n");
}

const COLLECTED: DirectiveSpec = {
  directive: "CollectMode=inactive-or-failed",
  why: "Each connection has a unit of its own, and those that failed would stay for ever.",
};

/** The text of a helper, which each connection starts anew. It is there before the daemon, and so as long as the daemon. */
function helperService(manifest: ServiceManifest, helper: HelperSpec, folder: string): string {
  const { name, unit } = manifest;
  const start = [join(folder, name), helper.helperArguments];
  if (helper.sharesArguments) start.push(...addedArguments(unit));
  return [
    "[Unit]",
    `Description=${helper.description}`,
    ...unit.documentation.map((address) => `Documentation=${address}`),
    `Before=${name}.service`,
    ...reasoned([COLLECTED]),
    "",
    "[Service]",
    "Environment=NO_COLOR=1",
    ...(helper.sharesArguments ? addedEnvironment(unit) : []),
    `ExecStart=${start.join(" ")}`,
    ...reasoned(helper.directives),
    "",
  ].join("\n");
}

function helperUnits(manifest: ServiceManifest, programFolder: string): [string, string][] {
  const { helper } = manifest.unit;
  if (helper === undefined) return [];
  return [
    [`${helper.name}.socket`, helperSocket(manifest, helper)],
    [`${helper.name}@.service`, helperService(manifest, helper, programFolder)],
  ];
}

/** All units of a daemon, by file name; none of one that is started otherwise. */
export function units(manifest: Manifest, programFolder = PROGRAM_FOLDER): Map<string, string> {
  if (!isService(manifest)) return new Map();
  return new Map([
    [`${manifest.name}.service`, serviceUnit(manifest, programFolder)],
    ...manifest.sockets.map((socket): [string, string] => [
      socket.name,
      socketUnit(manifest, socket),
    ]),
    ...helperUnits(manifest, programFolder),
  ]);
}

/** Writes a daemon's units into a folder and returns their paths. */
export async function writeUnits(
  manifest: Manifest,
  folder: string,
  programFolder = PROGRAM_FOLDER,
): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const [name, text] of units(manifest, programFolder)) {
    paths.push(join(folder, name));
    await Deno.writeTextFile(join(folder, name), text);
  }
  return paths;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { "program-folder": { type: "string", default: PROGRAM_FOLDER } },
    allowPositionals: true,
  });
  for (const name of positionals.length > 0 ? positionals : await daemonNames()) {
    const manifest = await loadManifest(name);
    const paths = await writeUnits(manifest, join(root, "dist"), values["program-folder"]);
    for (const path of paths) console.log(relative(root, path));
  }
  return 0;
}

if (import.meta.main) await runTask("unit", main);
