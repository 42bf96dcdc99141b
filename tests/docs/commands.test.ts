/** That commands are found on a page; those of docs/coming-from-c are done in the rig and by the package of virtlockd. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { daemonNames } from "../../tasks/daemons.ts";
import { root } from "../../tasks/toolchain.ts";
import { commandsIn } from "./commands.ts";

Deno.test("commandsIn gives the indented lines of a section, whole and without remarks", () => {
  const page = `# A page

    before any section

## Over

Words:

    cp one two \\
        three                # a remark
    sed 's/#//' < a

more words

    last
## Back

    another
`;
  assertEquals(commandsIn(page, "Over"), ["cp one two three", "sed 's/#//' < a", "last"]);
  assertEquals(commandsIn(page, "Back"), ["another"]);
  assertThrows(() => commandsIn(page, "Ove"), Error, 'no section "Ove"');
});

Deno.test("every page on coming from C has commands for the way there and back", async () => {
  for (const name of await daemonNames()) {
    const page = await Deno.readTextFile(join(root, "docs/coming-from-c", `${name}.md`));
    for (const heading of ["Before", "Switch over", "Switch back"]) {
      assert(commandsIn(page, heading).length > 0, `${name}: ${heading}`);
    }
  }
});
