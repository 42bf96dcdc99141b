/** The testing child on real block devices: loops on files that hold superblocks, or what is left of them. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Evidence } from "../../../daemons/mdmpd/identity.ts";
import { superblockOffset } from "../../../daemons/mdmpd/superblock.ts";
import type { Answer, Batch, DeviceRef, PathJob } from "../../../daemons/mdmpd/tester_protocol.ts";
import { parseMessage } from "../../../daemons/mdmpd/tester_protocol.ts";
import { build } from "../../../tasks/build.ts";
import { run } from "../../../tasks/toolchain.ts";
import { newSuperblock, SAMPLE } from "../../daemons/mdmpd/superblocks.ts";
import { inFolder } from "../../tasks/needs.ts";

const DEVICE_BYTES = 8 << 20;
const fields = { ...SAMPLE, sizeSectors: 14_000 };

async function loopReason(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "not root";
  return (await run("losetup", ["--find"])).success ? undefined : "no loop devices";
}

const reason = await loopReason();

function test(name: string, body: (folder: string) => Promise<void>): void {
  if (reason !== undefined) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn: () => inFolder(body) });
}

/** A loop device on a file of its own; it goes with `await using`. */
class Loop implements AsyncDisposable {
  private constructor(readonly file: string, readonly node: string, readonly ref: DeviceRef) {}

  static async over(folder: string, name: string): Promise<Loop> {
    const file = join(folder, name);
    await Deno.writeFile(file, new Uint8Array(DEVICE_BYTES));
    const node = (await run("losetup", ["--find", "--show", file])).stdout.trim();
    const kernelName = node.replace("/dev/", "");
    const device = (await Deno.readTextFile(`/sys/block/${kernelName}/dev`)).trim();
    return new Loop(file, node, { name: kernelName, device });
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    using file = await Deno.open(this.node, { write: true });
    await file.seek(offset, Deno.SeekMode.Start);
    await file.write(bytes);
    await file.syncData();
  }

  /** A superblock 1.2 and, behind it, something to compare. */
  async fill(change: Partial<typeof fields> = {}): Promise<void> {
    const offset = superblockOffset("1.2", DEVICE_BYTES) as number;
    await this.write(offset, newSuperblock({ ...fields, ...change }, offset));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("losetup", ["-d", this.node]);
  }
}

function job(path: DeviceRef, references: DeviceRef[], change: Partial<PathJob> = {}): PathJob {
  return {
    id: 1,
    kind: "test",
    array: {
      name: "md0",
      uuid: fields.arrayUuid,
      personality: "multipath",
      metadata: "1.2",
      raidDisks: 2,
    },
    path,
    references,
    known: undefined,
    lastEvents: undefined satisfies Evidence["lastEvents"],
    markable: true,
    listedAs: path.name,
    ...change,
  };
}

/** What a child answers to jobs. */
async function answers(...jobs: PathJob[]): Promise<Answer[]> {
  const child = new Deno.Command(await build("mdmpd"), {
    args: ["@tester"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const batch: Batch = { timeoutMs: 5_000, jobs };
  await writer.write(new TextEncoder().encode(`${JSON.stringify(batch)}\n`));
  await writer.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout).split("\n").flatMap((line) => {
    const message = parseMessage(line);
    return message !== undefined && "id" in message ? [message] : [];
  });
}

test("a tester proves a path that shows what a working one shows", async (folder) => {
  await using disk = await Loop.over(folder, "disk");
  await disk.fill();
  assertEquals(await answers(job(disk.ref, [disk.ref])), [{ id: 1, type: "proven" }]);
});

test("a tester refuses other arrays, other counts of events, blank disks and other content", async (folder) => {
  await using disk = await Loop.over(folder, "disk");
  await using other = await Loop.over(folder, "other");
  await disk.fill();
  const said = async (): Promise<string> => {
    const [answer] = await answers(job(other.ref, [disk.ref]));
    return `${answer.type}: ${answer.reason}`;
  };
  assertStringIncludes(await said(), "refused: no superblock");
  await other.fill({ arrayUuid: "9".repeat(32) });
  assertStringIncludes(await said(), "refused: it belongs to array 9999");
  await other.fill({ events: 18 });
  assertStringIncludes(await said(), "refused: its count of events is 18");
  await other.fill();
  assertEquals(await said(), "proven: undefined");
  await other.write(0, new Uint8Array(4096).fill(7));
  assertStringIncludes(await said(), "blocks differ");
});

test("a tester finds a device dead that is not there, or another one by now", async (folder) => {
  await using disk = await Loop.over(folder, "disk");
  await disk.fill();
  const jobs = [{ name: "loop-none", device: "7:999" }, { name: disk.ref.name, device: "7:999" }]
    .map((ref, id) => job(ref, [disk.ref], { id }));
  const found = await answers(...jobs);
  assertEquals(found.map(({ type, reason }) => `${type}: ${reason}`), [
    "dead: device not there",
    "dead: device not there",
  ]);
});

test("a tester is not taken in by a truncated device, which reads as zeros or not at all", async (folder) => {
  await using disk = await Loop.over(folder, "disk");
  await disk.fill();
  await Deno.truncate(disk.file, 0);
  const [answer] = await answers(job(disk.ref, []));
  const said = `${answer.type}: ${answer.reason}`;
  assertEquals(/^(refused: no superblock|dead: read: Input\/output error)$/.test(said), true, said);
});

test("a tester reads nothing of a path in use but whether it answers as itself", async (folder) => {
  await using disk = await Loop.over(folder, "disk");
  await disk.fill({ events: 99 });
  assertEquals(await answers(job(disk.ref, [], { kind: "check", lastEvents: 1 })), [
    { id: 1, type: "proven" },
  ]);
});
