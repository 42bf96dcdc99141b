/** What an administrator is told of a mirror. */
import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { Notices } from "../../../daemons/cmirrord/effects/notices.ts";
import type { Notice } from "../../../daemons/cmirrord/port.ts";
import { startLogging } from "../../../src/host/log.ts";

/** 192.168.0.1, from which corosync makes a node's number where it is not configured. */
const NODE = 0xc0a8_0001;
const EIO = -5;

/** The lines of the log, without what each of them begins with. */
function said(notices: readonly (readonly [Notice, number])[]): string[] {
  const folder = Deno.makeTempDirSync();
  const settings = { identifier: "test", filters: [], banner: () => [] };
  const file = { level: 1, destination: "file", argument: `${folder}/log` } as const;
  startLogging({ ...settings, level: 1, outputs: [file] });
  try {
    const log = new Notices(() => 0);
    for (const [notice, detail] of notices) log.say(notice, undefined, detail);
    const lines = Deno.readTextFileSync(file.argument).trimEnd().split("\n");
    return lines.map((line) => line.replace(/^.*\[-\] /, ""));
  } finally {
    startLogging({ ...settings, level: 4, outputs: [] });
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a node is named whose number is larger than any error's", () => {
  const notices: Notice[] = ["nodeGone", "daemonDied", "badMessage", "checkpointMismatch"];
  const lines = said(notices.map((notice) => [notice, NODE]));
  assertEquals(lines.length, notices.length);
  assertEquals(lines.filter((line) => line.includes(`node ${NODE} `)), lines);
});

Deno.test("an error is told in words", () => {
  assertEquals(said([["logWriteFailed", EIO]]), ["the log cannot be written: Input/output error"]);
});
