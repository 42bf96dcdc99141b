/** The testing child on real block devices: loops on files that hold superblocks, or what is left of them. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Evidence } from "../../../daemons/mdmpd/identity.ts";
import { superblockOffset } from "../../../daemons/mdmpd/superblock.ts";
import type { Answer, DeviceRef, Job, PathJob } from "../../../daemons/mdmpd/tester_protocol.ts";
import { run } from "../../../tasks/toolchain.ts";
import { newSuperblock, SAMPLE } from "../../daemons/mdmpd/superblocks.ts";
import { Loop, loopTest } from "./helpers/loop.ts";
import { Tester, testerCommand, writeFiles } from "./helpers/tester.ts";

const DEVICE_BYTES = 8 << 20;
const fields = { ...SAMPLE, sizeSectors: 14_000 };

/** A loop with room for a superblock, and the means to write one. */
const loopOver = (folder: string, name: string): Promise<Loop> =>
  Loop.over(folder, name, DEVICE_BYTES);

async function fill(loop: Loop, change: Partial<typeof fields> = {}): Promise<void> {
  const offset = superblockOffset("1.2", DEVICE_BYTES) as number;
  await loop.write(offset, newSuperblock({ ...fields, ...change }, offset));
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
    awaited: false,
    ...change,
  };
}

/** What a child answers to jobs. */
async function answers(...jobs: PathJob[]): Promise<Answer[]> {
  return await answersOf(await testerCommand(), jobs);
}

async function answersOf(
  command: readonly [string, ...string[]],
  jobs: readonly Job[],
): Promise<Answer[]> {
  await using tester = new Tester(command);
  await tester.give({ timeoutMs: 5_000, jobs });
  const said: Answer[] = [];
  await tester.hear((message) => {
    if ("id" in message) said.push(message);
    return said.length === jobs.length;
  });
  return said;
}

loopTest("a tester proves a path that shows what a working one shows", async (folder) => {
  await using disk = await loopOver(folder, "disk");
  await fill(disk);
  assertEquals(await answers(job(disk.ref, [disk.ref])), [{ id: 1, type: "proven" }]);
});

loopTest(
  "a tester refuses other arrays, other counts of events, blank disks and other content",
  async (folder) => {
    await using disk = await loopOver(folder, "disk");
    await using other = await loopOver(folder, "other");
    await fill(disk);
    const said = async (): Promise<string> => {
      const [answer] = await answers(job(other.ref, [disk.ref]));
      return `${answer.type}: ${answer.reason}`;
    };
    assertStringIncludes(await said(), "refused: no superblock");
    await fill(other, { arrayUuid: "9".repeat(32) });
    assertStringIncludes(await said(), "refused: it belongs to array 9999");
    await fill(other, { events: 18 });
    assertStringIncludes(await said(), "refused: its count of events is 18");
    await fill(other);
    assertEquals(await said(), "proven: undefined");
    await other.write(0, new Uint8Array(4096).fill(7));
    assertStringIncludes(await said(), "blocks differ");
  },
);

loopTest(
  "a tester finds a device dead that is not there, or another one by now",
  async (folder) => {
    await using disk = await loopOver(folder, "disk");
    await fill(disk);
    const jobs = [{ name: "loop-none", device: "7:999" }, { name: disk.ref.name, device: "7:999" }]
      .map((ref, id) => job(ref, [disk.ref], { id }));
    const found = await answers(...jobs);
    assertEquals(found.map(({ type, reason }) => `${type}: ${reason}`), [
      "dead: device not there",
      "dead: device not there",
    ]);
  },
);

loopTest(
  "a tester is not taken in by a truncated device, which reads as zeros or not at all",
  async (folder) => {
    await using disk = await loopOver(folder, "disk");
    await fill(disk);
    await Deno.truncate(disk.file, 0);
    const [answer] = await answers(job(disk.ref, []));
    const said = `${answer.type}: ${answer.reason}`;
    assertEquals(
      /^(refused: no superblock|dead: read: Input\/output error)$/.test(said),
      true,
      said,
    );
  },
);

loopTest(
  "a tester reads nothing of a path in use but whether it answers as itself",
  async (folder) => {
    await using disk = await loopOver(folder, "disk");
    await fill(disk, { events: 99 });
    assertEquals(await answers(job(disk.ref, [], { kind: "check", lastEvents: 1 })), [
      { id: 1, type: "proven" },
    ]);
  },
);

loopTest(
  "a tester finds a lost disk by its name, though it has grown meanwhile",
  async (folder) => {
    await using disk = await loopOver(folder, "disk");
    await using lost = await loopOver(folder, "lost");
    await fill(disk);
    await fill(lost);
    const { path: _, ...rest } = job(lost.ref, [disk.ref]);
    const search = async (names: string[]): Promise<Answer[]> => {
      const known = { hardware: { sectors: DEVICE_BYTES / 512 - 8, readOnly: false, names } };
      return await answersOf(await testerCommand(), [{ ...rest, kind: "search", known }]);
    };
    assertEquals(await search([`file:${lost.file}`]), [
      { id: 1, type: "proven", name: lost.ref.name },
    ]);
    const nowhere = [{ id: 1, type: "dead", reason: "device not there" }];
    assertEquals<unknown>(await search([`file:${lost.file}.other`]), nowhere);
    assertEquals<unknown>(
      await search([]),
      nowhere,
      "without a name, another size is another disk",
    );
  },
);

/** What a child answers to a job where sysfs has its array, which lists no path, and what it writes to the array's `new_dev`. */
async function restoration(folder: string, job: PathJob): Promise<[Answer, string]> {
  const md = `${folder}/sys/md0/md`;
  const { uuid, personality } = job.array;
  await writeFiles(md, { uuid, level: personality, array_state: "clean", new_dev: "" });
  const [answer] = await answersOf(await testerCommand(`${folder}/sys`), [job]);
  return [answer, (await Deno.readTextFile(`${md}/new_dev`)).trim()];
}

const hasNamespaces = (await run("unshare", ["--mount", "true"])).success;

loopTest(
  "a tester binds a path that the array does not list only where that is our own doing",
  async (folder) => {
    await using disk = await loopOver(folder, "disk");
    await fill(disk);
    for (const markable of [true, false]) {
      const restore = job(disk.ref, [disk.ref], { kind: "restore", markable });
      const [{ type, unbound }, bound] = await restoration(folder, restore);
      assertEquals([type, unbound, bound], ["unrestored", false, ""], "removed by hand");
    }
    const half = job(disk.ref, [disk.ref], { kind: "restore", markable: false, awaited: true });
    const [{ type, reason }, bound] = await restoration(folder, half);
    // Files that only look like sysfs list nothing new.
    assertEquals([type, reason, bound], [
      ...["unrestored", "it has left the array again", disk.ref.device],
    ]);
  },
  hasNamespaces ? undefined : "no mount namespaces",
);
