import { assertEquals } from "@std/assert";
import { statusText } from "../../../daemons/virtlockd/effects/status_command.ts";

Deno.test("statusText escapes what a client could move a terminal's cursor with, in names and directories", () => {
  const owners = [{ pid: 7, name: "v\x1bm" }];
  const since = "2026-01-01T00:00:00.000Z";
  const resource = { name: "x\ny", path: "", autocreated: false, owners, since };
  const text = statusText({
    version: "1",
    pid: 1,
    sandbox: "off",
    lockspaces: [{ directory: "", resources: [{ ...resource, mode: "shared" }] }, {
      directory: "/a\n\x1b]0;b",
      resources: [],
    }],
    dying: [],
    clients: [],
  });
  assertEquals(text.split("\n").slice(2), [
    "Locks: 1",
    "LOCKSPACE  RESOURCE  MODE    OWNERS      SINCE",
    `(default)  x\\x0ay    shared  7 (v\\x1bm)  ${since}`,
    "Lockspaces without locks: /a\\x0a\\x1b]0;b",
    "",
    "Clients: 0",
    "",
  ]);
});
