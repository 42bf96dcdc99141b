/** Ends a shell script by SIGKILL at one of its commands. */
import { join } from "@std/path";
import { run } from "../../../tasks/toolchain.ts";

/** What is found in place of a command: it counts, and is the command itself but for one. cp is ended with half a copy. */
const counting = `#!/bin/sh
folder=\${0%/*}
count=$(($(cat "$folder/count") + 1))
echo "$count" > "$folder/count"
if [ "$count" -eq "$(cat "$folder/last")" ]; then
  [ "\${0##*/}" != cp ] || printf half > "$2"
  kill -KILL "$(cat "$folder/script")"
  exit 1
fi
PATH=\${PATH#*:} exec "\${0##*/}" "$@"
`;

/** Makes a folder of such commands. */
export async function countingCommands(
  folder: string,
  names: readonly string[],
): Promise<string> {
  await Deno.mkdir(folder);
  for (const name of names) {
    await Deno.writeTextFile(join(folder, name), counting, { mode: 0o755 });
  }
  return folder;
}

/** Starts a script, kills it when it comes to the counted command number `last`, from 1 on, and says whether it came so far. */
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
