import { assertEquals } from "@std/assert";
import { helpText } from "../../../src/host/help.ts";

const manifest = {
  summary: "lock daemon",
  options: [
    { long: "help", short: "h", help: "Display program help" },
    { long: "config", short: "f", argument: "file", help: "Configuration file" },
    { long: "check-config", help: "Check it", extension: true },
  ],
  commands: [{ name: "status", help: "Show locks", options: [{ long: "json", help: "As JSON" }] }],
  files: [{ path: "/etc/x.conf", session: "$HOME/x.conf", purpose: "Configuration file" }],
};

Deno.test("helpText lists options, commands and the paths of the user's kind", () => {
  const expected = `
Usage:
  virtlockd [options]
  virtlockd status [options]

Options:
  -h | --help          Display program help
  -f | --config <file> Configuration file
       --check-config  Check it

Commands:
  status        Show locks
         --json As JSON

lock daemon:

  Default paths:

    Configuration file:
      /etc/x.conf

`;
  assertEquals(helpText(manifest, "virtlockd", false), expected);
  assertEquals(
    helpText(manifest, "virtlockd", true),
    expected.replace("/etc/x.conf", "$HOME/x.conf"),
  );
});

Deno.test("helpText leaves out what a manifest has none of", () => {
  const bare = { ...manifest, commands: [], files: [] };
  const text = helpText(bare, "x", false);
  assertEquals(text.includes("Commands:"), false);
  assertEquals(text.includes("Default paths:"), false);
});
