/** What the packages' scripts do to a running cmirrord when they are removed, and what they say of it. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { statusText } from "../../../daemons/cmirrord/effects/status_command.ts";
import type { MirrorStatus } from "../../../daemons/cmirrord/effects/status.ts";
import { loadManifest } from "../../../tasks/daemons.ts";
import { maintainerScripts } from "../../../tasks/package/debian_scripts.ts";
import { scriptlets } from "../../../tasks/package/rpm_scripts.ts";
import { run } from "../../../tasks/toolchain.ts";
import { inFolder } from "../needs.ts";

const manifest = await loadManifest("cmirrord");

/** A script of a package, how it is called at a removal, and how it stops the daemon. */
const SCRIPTS = [
  {
    kind: "prerm of the Debian package",
    text: maintainerScripts(manifest).get("prerm") ?? "",
    argument: "remove",
    stops: "deb-systemd-invoke stop cmirrord.service\n",
    keeps: "",
  },
  {
    kind: "preun of the RPM package",
    text: scriptlets(manifest).get("preun") ?? "",
    argument: "0",
    stops: "systemctl --no-reload disable --now cmirrord.service\n",
    keeps: "systemctl --no-reload disable cmirrord.service\n",
  },
] as const;

const MIRROR: MirrorStatus = {
  ...{ uuid: "LVM-1", phase: "valid", resumed: true, log: "clustered-core" },
  ...{ regionSizeSectors: 1024, regions: 8, inSync: 8, clean: 8, marks: [], orphanMarks: 0 },
  ...{ recoveries: [], members: [1], server: 1, waitingRequests: 0, waitingMessages: 0 },
};

function statusOf(mirrors: number): string {
  return statusText({
    ...{ version: "0.1.0", pid: 1, sandbox: "on", node: 1, quorum: "quorate" },
    mirrors: Array(mirrors).fill(MIRROR),
  });
}

/** What systemd says of the unit, and what `cmirrord status` prints before it ends with that code. */
interface Running {
  readonly what: string;
  readonly unit: string;
  readonly answer?: string;
  readonly code: number;
}

const STOPPED: readonly Running[] = [
  { what: "has no mirrors", unit: "active", answer: statusOf(0), code: 0 },
  { what: "does not run", unit: "inactive", code: 69 },
  { what: "has failed", unit: "failed", code: 69 },
];

const KEPT: readonly Running[] = [
  { what: "has a mirror", unit: "active", answer: statusOf(1), code: 0 },
  { what: "has ten mirrors", unit: "active", answer: statusOf(10), code: 0 },
  { what: "is the original, or has no control socket", unit: "active", code: 69 },
  { what: "is too busy to answer", unit: "active", code: 75 },
  { what: "is about to be started anew", unit: "activating", code: 69 },
  { what: "is unknown, since systemd does not answer", unit: "", code: 69 },
];

const PROGRAMS: Readonly<Record<string, string>> = {
  systemctl: `case $1 in
is-active) [ -z "$UNIT" ] || echo "$UNIT"; [ "$UNIT" = active ] ;;
*) echo "systemctl $*" >> "$CALLS" ;;
esac`,
  "deb-systemd-invoke": 'echo "deb-systemd-invoke $*" >> "$CALLS"',
  cmirrord: '[ "$*" = status ] || exit 2; printf %s "$ANSWER"; exit "$CODE"',
};

/** Runs a script where systemd is there, and returns what it has called and what it said. */
async function removal(
  { text, argument }: (typeof SCRIPTS)[number],
  { unit, answer = "", code }: Running,
): Promise<{ calls: string; said: string }> {
  let result = { calls: "", said: "" };
  await inFolder(async (folder) => {
    for (const [name, body] of Object.entries(PROGRAMS)) {
      await Deno.writeTextFile(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
    const calls = join(folder, "calls");
    await Deno.writeTextFile(calls, "");
    const here = text.replaceAll("/run/systemd/system", folder);
    const { success, output } = await run("sh", ["-c", here, "sh", argument], {
      env: {
        ...{ PATH: `${folder}:/usr/bin:/bin`, UNIT: unit },
        ...{ ANSWER: answer, CODE: String(code), CALLS: calls },
      },
    });
    assertEquals(success, true, output);
    result = { calls: await Deno.readTextFile(calls), said: output };
  });
  return result;
}

for (const script of SCRIPTS) {
  for (const running of STOPPED) {
    Deno.test(`${script.kind} stops a cmirrord that ${running.what}`, async () => {
      assertEquals(await removal(script, running), { calls: script.stops, said: "" });
    });
  }
  for (const running of KEPT) {
    Deno.test(`${script.kind} lets a cmirrord go on that ${running.what}, and says so`, async () => {
      const { calls, said } = await removal(script, running);
      assertEquals(calls, script.keeps);
      const told = [
        "cmirrord: it goes on",
        '"dmsetup table --target mirror" has no line with "userspace"',
        "systemctl stop cmirrord",
      ];
      assertEquals(told.filter((words) => !said.includes(words)), [], said);
    });
  }
}
