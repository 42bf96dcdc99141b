/** Landlock's effect, in children that confine themselves. */
import { assertEquals } from "@std/assert";
import { EACCES, ECONNREFUSED, ENOENT, EPERM } from "../../ffi/errno.ts";
import {
  handledFileRights,
  LANDLOCK_ACCESS_FS_EXECUTE,
  LANDLOCK_ACCESS_FS_MAKE_REG,
  LANDLOCK_ACCESS_FS_MAKE_SOCK,
  LANDLOCK_ACCESS_FS_READ_DIR,
  LANDLOCK_ACCESS_FS_READ_FILE,
  LANDLOCK_ACCESS_FS_REMOVE_FILE,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  LANDLOCK_ACCESS_FS_WRITE_FILE,
  landlockAbi,
} from "../../ffi/landlock.ts";
import type { Attempt } from "./attempts.ts";
import { answerOf } from "./child.ts";
import type { LandlockOrder, LandlockOutcome } from "./landlock_child.ts";

const EXDEV = 18;
const ENOTTY = 25;
const E2BIG = 7;
const READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
const CREATE = LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;

const abi = landlockAbi();

/** A test that needs an ABI of at least `since`. The C library stays open, as everywhere. */
function testLandlock(name: string, since: number, body: (folder: string) => Promise<void>): void {
  const ignore = abi < since;
  if (ignore) console.log(`SKIPPED ${name}: Landlock ABI ${abi}, needs ${since}`);
  Deno.test(name, { ignore, sanitizeResources: false }, async () => {
    const folder = await Deno.makeTempDir({ prefix: "hostkeep-landlock-" });
    try {
      await Deno.mkdir(`${folder}/in`);
      await Deno.mkdir(`${folder}/out`);
      for (const file of ["in/file", "out/file"]) {
        await Deno.writeTextFile(`${folder}/${file}`, "x");
      }
      await body(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function confined(order: LandlockOrder): Promise<LandlockOutcome> {
  return await answerOf("landlock_child.ts", order);
}

/** What attempts give under these grants. */
async function results(
  grants: LandlockOrder["grants"],
  attempts: readonly Attempt[],
  more: Partial<LandlockOrder> = {},
): Promise<number[]> {
  const outcome = await confined({ grants, attempts, ...more });
  assertEquals([outcome.granted, outcome.restricted], [grants.map(() => 0), [0]]);
  return outcome.results;
}

testLandlock(
  "Ruleset grants what a rule says below its path and nothing beside it",
  1,
  async (f) => {
    const grants = [[`${f}/in`, READ | LANDLOCK_ACCESS_FS_WRITE_FILE | CREATE]] as const;
    const attempts: Attempt[] = [
      ["read", `${f}/in/file`],
      ["read", `${f}/in`],
      ["write", `${f}/in/file`],
      ["create", `${f}/in/new`],
      ["read", `${f}/out/file`],
      ["read", `${f}/out`],
      ["write", `${f}/out/file`],
      ["create", `${f}/out/new`],
      ["unlink", `${f}/out/file`],
      ["mkdir", `${f}/in/folder`],
    ];
    const refused = [EACCES, EACCES, EACCES, EACCES, EACCES, EACCES];
    assertEquals(await results(grants, attempts), [0, 0, 0, 0, ...refused]);
  },
);

testLandlock("Ruleset refuses every kind of file that no rule grants", 1, async (f) => {
  await Deno.mkdir(`${f}/in/folder`);
  const grants = [["/", READ | LANDLOCK_ACCESS_FS_WRITE_FILE | CREATE]] as const;
  const attempts: Attempt[] = [
    ["symlink", `${f}/in/link`],
    ["makeFifo", `${f}/in/fifo`],
    ["bindUnix", `${f}/in/socket`],
    ["rmdir", `${f}/in/folder`],
    ["execute", "/bin/true"],
  ];
  assertEquals(await results(grants, attempts), [EACCES, EACCES, EACCES, EACCES, EACCES]);
});

testLandlock("Ruleset grants sockets and execution where a rule says so", 1, async (f) => {
  const grants = [
    [`${f}/in`, LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE],
    ["/", LANDLOCK_ACCESS_FS_READ_FILE],
    [`${f}/out`, LANDLOCK_ACCESS_FS_EXECUTE],
  ] as const;
  await Deno.chmod(`${f}/out/file`, 0o700);
  await Deno.writeTextFile(`${f}/in/file`, "x", { mode: 0o700 });
  const attempts: Attempt[] = [
    ["bindUnix", `${f}/in/socket`],
    ["bindUnix", `${f}/out/socket`],
    ["execute", `${f}/out/file`],
    ["execute", `${f}/in/file`],
  ];
  const ENOEXEC = 8; // allowed, but "x" is no program
  assertEquals(await results(grants, attempts), [0, EACCES, ENOEXEC, EACCES]);
});

testLandlock("Ruleset refuses to move a file into another folder", 2, async (f) => {
  const grants = [["/", READ | LANDLOCK_ACCESS_FS_WRITE_FILE | CREATE]] as const;
  const attempts: Attempt[] = [
    ["rename", `${f}/in/file`, `${f}/out/file2`],
    ["rename", `${f}/in/file`, `${f}/in/file2`],
  ];
  assertEquals(await results(grants, attempts), [EXDEV, 0]);
});

testLandlock("Ruleset refuses to truncate what may be written only", 3, async (f) => {
  const grants = [
    [`${f}/in`, LANDLOCK_ACCESS_FS_WRITE_FILE],
    [`${f}/out`, LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE],
  ] as const;
  const attempts: Attempt[] = [["truncate", `${f}/in/file`], ["truncate", `${f}/out/file`]];
  assertEquals(await results(grants, attempts), [EACCES, 0]);
  assertEquals(await Deno.readTextFile(`${f}/in/file`), "x");
});

testLandlock("Ruleset refuses TCP", 4, async () => {
  const attempts: Attempt[] = [["connectTcp", "1"], ["bindTcp", "0"]];
  assertEquals(await results([], attempts), [EACCES, EACCES]);
  assertEquals(await results([], attempts, { abi: 3 }), [ECONNREFUSED, 0]);
});

testLandlock("Ruleset refuses ioctls on devices that are opened later", 5, async () => {
  const grants = [["/dev", READ]] as const;
  assertEquals(await results(grants, [["ioctl", "/dev/zero"]]), [EACCES]);
  assertEquals(await results(grants, [["ioctl", "/dev/zero"]], { abi: 4 }), [ENOTTY]);
});

testLandlock("Ruleset keeps signals within what the process starts, if told so", 6, async () => {
  const attempts: Attempt[] = [["signal", String(Deno.pid)], ["signal", "0"]];
  assertEquals(await results([], attempts, { scopeSignals: true }), [EPERM, 0]);
  assertEquals(await results([], attempts, { scopeSignals: false }), [0, 0]);
});

testLandlock("grant gives a file what means something for a file", 1, async (f) => {
  const grants = [[`${f}/in/file`, READ | CREATE]] as const;
  const attempts: Attempt[] = [["read", `${f}/in/file`], ["write", `${f}/in/file`]];
  assertEquals(await results(grants, attempts), [0, EACCES]);
});

testLandlock("grant says which path is not there, and the rest holds", 1, async (f) => {
  const outcome = await confined({
    grants: [[`${f}/absent`, READ], [`${f}/in`, READ]],
    attempts: [["read", `${f}/in/file`], ["read", `${f}/out/file`]],
  });
  assertEquals(outcome, { granted: [-ENOENT, 0], restricted: [0], results: [0, EACCES] });
});

testLandlock("restrictSelf says E2BIG behind the sixteenth layer", 1, async () => {
  const { restricted } = await confined({ grants: [], layers: 17, attempts: [] });
  assertEquals(restricted, [...Array(16).fill(0), -E2BIG]);
});

Deno.test("handledFileRights knows no right before its ABI", () => {
  const counts = [1, 2, 3, 4, 5, 6, 7].map((n) => handledFileRights(n).toString(2).length);
  assertEquals(counts, [13, 14, 15, 15, 16, 16, 16]);
  assertEquals(handledFileRights(7), 0xffff);
});
