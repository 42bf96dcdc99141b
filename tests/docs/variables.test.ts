/** The variables of cmannotifyd's scripts: pages and template name those that a script gets, and the manual all of them. */
import { assert, assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { join, relative } from "@std/path";
import {
  environmentOf,
  NO_FACTS,
  type Notification,
  REASONS,
} from "../../daemons/cmannotifyd/notification.ts";
import { root } from "../../tasks/toolchain.ts";

const folder = join(root, "daemons/cmannotifyd");

/** A notification that has all there is to tell. */
const whole: Omit<Notification, "reason"> = {
  sequence: 1,
  timeMs: 1,
  initial: true,
  quorate: true,
  quorateBefore: false,
  ring: "1.1",
  members: [1],
  joined: [1],
  left: [2],
  shutdownFlags: 0,
  merged: 1,
};

function namesWith(options: { debug: boolean; extraVariables: boolean }): Set<string> {
  return new Set(
    REASONS.flatMap((reason) => environmentOf({ ...whole, reason }, NO_FACTS, options))
      .map(([name]) => name),
  );
}

const plain = namesWith({ debug: true, extraVariables: false });
const all = namesWith({ debug: true, extraVariables: true });
const reasons = new Set(REASONS.map((reason) => `CMAN_REASON_${reason}`));

/** Names of variables and reasons in a text. What only ends in `_` stands for several. */
function named(text: string): string[] {
  return [...text.matchAll(/CMAN_(?:NOTIFICATION|REASON)(?:_[A-Z]+)+/g)].map(([name]) => name);
}

async function texts(): Promise<string[]> {
  const pages = ["README.md", "PACKAGING.md"].map((name) => join(root, name));
  for (const place of [folder, join(root, "docs")]) {
    for await (const { path } of walk(place, { exts: [".md", ".8", ".5", ".sh", ".conf"] })) {
      pages.push(path);
    }
  }
  return pages;
}

Deno.test("every variable and reason that a page or the template names is one that scripts meet", async () => {
  const found = new Map<string, string[]>();
  for (const path of await texts()) {
    const names = named(await Deno.readTextFile(path));
    if (names.length > 0) found.set(relative(root, path), names);
  }
  assert(found.size >= 3, [...found.keys()].join());
  const wrong = [...found].flatMap(([path, names]) =>
    names.filter((name) => !all.has(name) && !reasons.has(name)).map((name) => `${path}: ${name}`)
  );
  assertEquals(wrong, []);
});

Deno.test("the template and cmannotifyd(8) have every variable of the original, and every reason", async () => {
  for (const name of ["cman_notify_template.sh", "cmannotifyd.8"]) {
    const text = await Deno.readTextFile(join(folder, name));
    const missing = [...plain, ...reasons].filter((one) => !text.includes(one));
    assertEquals(missing, [], name);
  }
});

Deno.test("cmannotifyd(8) lists the extra variables that there are, and no others", async () => {
  const page = await Deno.readTextFile(join(folder, "cmannotifyd.8"));
  const section = /^\.Ss Extra variables$([^]*?)^\.Ss /m.exec(page)?.[1] ?? "";
  const listed = [...section.matchAll(/^\.It Ev (.*)$/gm)].flatMap(([, line]) => line.split(" , "));
  const extra = [...all].filter((name) => !plain.has(name))
    .map((name) => name.replace("CMAN_NOTIFICATION_", ""));
  assertEquals(listed.sort(), extra.sort());
});
