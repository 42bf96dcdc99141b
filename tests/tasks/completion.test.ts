import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Manifest } from "../../src/host/manifest.ts";
import { completions, writeCompletions } from "../../tasks/completion.ts";
import { daemonNames, loadManifest } from "../../tasks/daemons.ts";
import { run } from "../../tasks/toolchain.ts";
import { manifest } from "../../daemons/virtlockd/manifest.ts";
import { inFolder, testWith } from "./needs.ts";

/** Calls `body` with the folder of the completions and a folder with one file, `a file.conf`. */
async function withCompletions(
  body: (folder: string, files: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    await writeCompletions(manifest, folder);
    const files = join(folder, "files");
    await Deno.mkdir(files);
    await Deno.writeTextFile(join(files, "a file.conf"), "");
    await body(folder, files);
  });
}

/** What bash offers for the last word; words as bash divides them. */
async function bashOffers(
  folder: string,
  cwd: string,
  words: readonly string[],
): Promise<string[]> {
  const script = `
    source "$1"
    shift
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _virtlockd 2> /dev/null
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ["--norc", "-c", script, "bash", join(folder, "bash/virtlockd"), ...words];
  const { stdout } = await run("bash", args, { cwd });
  return stdout.split("\n").filter((line) => line !== "");
}

await testWith(["bash"], "bash completes options, commands and files", async () => {
  await withCompletions(async (folder, files) => {
    const offers = (...words: string[]): Promise<string[]> =>
      bashOffers(folder, files, ["virtlockd", ...words]);
    assertEquals(await offers("--ch"), ["--check-config"]);
    assertEquals(await offers("--ver"), ["--verbose", "--version"]);
    assertEquals(await offers("st"), ["status"]);
    assertEquals(await offers("--js"), []);
    assertEquals(await offers("status", "--js"), ["--json"]);
    assertEquals(await offers("-f", "a"), ["a file.conf"]);
    assertEquals(await offers("--config", "=", "a"), ["a file.conf"]);
    assertEquals(await offers("--config", "="), ["a file.conf"]);
    assertEquals(await offers("-t", ""), []);
    assertEquals(await offers("--timeout", "="), []);
  });
});

await testWith(["bash"], "an interactive bash completes a line", async () => {
  await withCompletions(async (folder, files) => {
    const keys = "virtlockd --che\t-f a\t\x01echo \x05| cat\nexit\n";
    const rc = join(folder, "rc");
    await Deno.writeTextFile(rc, `source ${join(folder, "bash/virtlockd")}\nPS1=\n`);
    const child = new Deno.Command("bash", {
      args: ["--noprofile", "--rcfile", rc, "-i"],
      cwd: files,
      env: { TERM: "dumb", INPUTRC: "/dev/null" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode(keys));
    await input.close();
    const { stdout } = await child.output();
    assertEquals(
      new TextDecoder().decode(stdout).trim(),
      "virtlockd --check-config -f a file.conf",
    );
  });
});

await testWith(["fish"], "fish completes options, commands and files", async () => {
  await withCompletions(async (folder, files) => {
    const offers = async (line: string): Promise<string[]> => {
      const script = 'source $argv[1]; complete -C "$argv[2]"';
      const args = ["--no-config", "-c", script, join(folder, "fish/virtlockd.fish"), line];
      const { stdout } = await run("fish", args, { cwd: files, env: { HOME: folder } });
      return stdout.split("\n").filter((line) => line !== "").map((line) => line.split("\t")[0]);
    };
    assertEquals(await offers("virtlockd --ch"), ["--check-config"]);
    assertEquals(await offers("virtlockd st"), ["status"]);
    assertEquals((await offers("virtlockd --js")).includes("--json"), false);
    assertEquals(await offers("virtlockd status --js"), ["--json"]);
    assertEquals(await offers("virtlockd -f a"), ["a file.conf"]);
    assertEquals(await offers("virtlockd a "), ["status"]);
  });
});

/** Types a line and a tab into an interactive zsh that is ready for it, and prints the line that it has become. Keys are Emacs's, whatever EDITOR says. */
const ZSH_SESSION = `
  zmodload zsh/zpty
  zpty shell "cd $2; TERM=dumb HOME=$1 zsh -f -i"
  zpty -w shell "stty -echo; bindkey -e; fpath=($1/zsh \\$fpath); autoload -U compinit; compinit -u -D; PROMPT=REA''DY"
  zpty -r shell line '*READY*'
  zpty -w -n shell "$3"$'\\t\\x01print -r -- LINE \\x05 END\\n'
  while zpty -r shell line; do
    if [[ $line == *$'\\n'LINE* || $line == LINE* ]] && [[ $line == *END* ]]; then
      print -r -- \${\${line#*LINE }%% END*}
      break
    fi
  done
  zpty -d shell`;

await testWith(["zsh"], "an interactive zsh completes options, commands and files", async () => {
  await withCompletions(async (folder, files) => {
    const completed = async (line: string): Promise<string> => {
      const args = ["20", "zsh", "-f", "-c", ZSH_SESSION, "zsh", folder, files, line];
      return (await run("timeout", args)).stdout.trim();
    };
    assertEquals(await completed("virtlockd --che"), "virtlockd --check-config");
    assertEquals(await completed("virtlockd sta"), "virtlockd status");
    assertEquals(await completed("virtlockd status --js"), "virtlockd status --json");
    assertEquals(await completed("virtlockd -f a"), "virtlockd -f a file.conf");
  });
});

await testWith(["bash", "zsh", "fish"], "the shells can parse any manifest's help", async () => {
  const nasty = `It's a "test": [x] $HOME \`id\` \\ ; & | > < ( ) { } * ?`;
  const awkward: Manifest = {
    ...manifest,
    options: manifest.options.map((option) => ({ ...option, help: nasty })),
    commands: [{ name: "status", help: nasty, options: [{ long: "json", help: nasty }] }],
  };
  await inFolder(async (folder) => {
    const [bash, zsh, fish] = await writeCompletions(awkward, folder);
    for (const [shell, file] of [["bash", bash], ["zsh", zsh], ["fish", fish]]) {
      assertEquals((await run(shell, ["-n", file])).output, "", shell);
    }
  });
});

Deno.test("every daemon has completions for three shells", async () => {
  for (const name of await daemonNames()) {
    const names = [...completions(await loadManifest(name)).keys()];
    assertEquals(names, [`bash/${name}`, `zsh/_${name}`, `fish/${name}.fish`]);
  }
});
