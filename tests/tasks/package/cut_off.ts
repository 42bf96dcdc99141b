/** Ends a shell script by a signal at one of its commands. */
import { join } from "@std/path";
import { run } from "../../../tasks/toolchain.ts";

/** Killed, a script is ended with half a copy; told to end, once the command is done. */
export type Ending = "KILL" | "TERM";

const KILLED = `[ "\${0##*/}" != cp ] || printf half > "$2"
  kill -KILL "$(cat "$folder/script")"
  exit 1`;
const TOLD = 'kill -TERM "$(cat "$folder/script")"';

/** What is found in place of a command: it counts, and is the command itself but for one. */
const counting = (ending: Ending): string =>
  `#!/bin/sh
folder=\${0%/*}
count=$(($(cat "$folder/count") + 1))
echo "$count" > "$folder/count"
if [ "$count" -eq "$(cat "$folder/last")" ]; then
  ${ending === "KILL" ? KILLED : TOLD}
fi
PATH=\${PATH#*:} exec "\${0##*/}" "$@"
`;

/** Makes a folder of such commands. */
export async function countingCommands(
  folder: string,
  names: readonly string[],
  ending: Ending,
): Promise<string> {
  await Deno.mkdir(folder);
  for (const name of names) {
    await Deno.writeTextFile(join(folder, name), counting(ending), { mode: 0o755 });
  }
  return folder;
}

/** Starts a script, ends it when it comes to the counted command number `last`, from 1 on, and says whether it came so far. */
export async function cutOff(
  commands: string,
  last: number,
  script: readonly string[],
): Promise<boolean> {
  await Deno.writeTextFile(join(commands, "count"), "0");
  await Deno.writeTextFile(join(commands, "last"), String(last));
  const start = 'echo $$ > "$1/script" && PATH=$1:$PATH && shift && exec "$@"';
  await run("sh", ["-c", start, "sh", commands, ...script]);
  return Number(await Deno.readTextFile(join(commands, "count"))) >= last;
}
