/** A tester that md keeps waiting, or that nobody waits for: what it has said by then, and what it leaves alone. */
import { assertEquals } from "@std/assert";
import { superblockOffset } from "../../../daemons/mdmpd/superblock.ts";
import type { DeviceRef, Message, PathJob } from "../../../daemons/mdmpd/tester_protocol.ts";
import { run } from "../../../tasks/toolchain.ts";
import { newSuperblock, SAMPLE } from "../../daemons/mdmpd/superblocks.ts";
import { Loop, loopTest } from "./helpers/loop.ts";
import { Tester, testerCommand, writeFiles } from "./helpers/tester.ts";

const DEVICE_BYTES = 8 << 20;
const TIMEOUT_MS = 5_000;
const PATIENCE_MS = 30_000;
const STEP_MS = 50;
/** fs/pipe.c: where open(2) of a FIFO waits for a reader. */
const FIFO_WAIT = "wait_for_partner";

const hasNamespaces = (await run("unshare", ["--mount", "true"])).success;
const missing = hasNamespaces ? undefined : "no mount namespaces";

async function disk(folder: string, name: string): Promise<Loop> {
  const loop = await Loop.over(folder, name, DEVICE_BYTES);
  const offset = superblockOffset("1.2", DEVICE_BYTES) as number;
  await loop.write(offset, newSuperblock({ ...SAMPLE, sizeSectors: 14_000 }, offset));
  return loop;
}

/** To put back a path that the array does not list. */
function restoration(path: DeviceRef, reference: DeviceRef, markable: boolean): PathJob {
  const uuid = SAMPLE.arrayUuid;
  return {
    id: 1,
    kind: "restore",
    array: { name: "md0", uuid, personality: "multipath", metadata: "1.2", raidDisks: 2 },
    path,
    references: [reference],
    known: undefined,
    lastEvents: undefined,
    markable,
    listedAs: path.name,
    awaited: true,
  };
}

/** An array that lists no path, as files; its folder. */
async function array(folder: string): Promise<string> {
  const md = `${folder}/sys/md0/md`;
  const uuid = SAMPLE.arrayUuid;
  await writeFiles(md, { uuid, level: "multipath", array_state: "clean", new_dev: "" });
  return md;
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds() && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

loopTest("a tester that waits for md in a write has said at which path it is", async (folder) => {
  await using path = await disk(folder, "path");
  await using other = await disk(folder, "other");
  const working = `${await array(folder)}/dev-${other.ref.name}`;
  await Deno.mkdir(working);
  await run("mkfifo", [`${working}/state`]);
  await using tester = new Tester(await testerCommand(`${folder}/sys`));
  await tester.give({
    timeoutMs: TIMEOUT_MS,
    jobs: [restoration(path.ref, other.ref, true)],
  });
  const heard: Message[] = [];
  const end = tester.hear((message) => heard.push(message) === 0);
  await until(() => Deno.readTextFileSync(`/proc/${tester.pid}/wchan`) === FIFO_WAIT);
  await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  Deno.kill(tester.pid, "SIGKILL");
  await end;
  assertEquals(heard.at(-1), { at: 1 });
}, missing);

loopTest("a tester whose input has ended puts nothing back any more", async (folder) => {
  await using path = await disk(folder, "path");
  await using other = await disk(folder, "other");
  const md = await array(folder);
  const bound = async (isHeard: boolean): Promise<string> => {
    await Deno.writeTextFile(`${md}/new_dev`, "");
    await using tester = new Tester(await testerCommand(`${folder}/sys`));
    await tester.give({
      timeoutMs: TIMEOUT_MS,
      jobs: [restoration(path.ref, other.ref, false)],
    });
    if (!isHeard) await tester.closeInput();
    await tester.hear((message) => "id" in message);
    return (await Deno.readTextFile(`${md}/new_dev`)).trim();
  };
  assertEquals(await bound(true), path.ref.device);
  assertEquals(await bound(false), "");
}, missing);
