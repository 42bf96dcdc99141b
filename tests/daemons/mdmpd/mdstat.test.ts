/** The parser of /proc/mdstat: on texts captured from Linux 6.1, on what later kernels may print, and on damaged text. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import {
  isUnderstood,
  type Mdstat,
  type MdstatArray,
  parseMdstat,
} from "../../../daemons/mdmpd/mdstat.ts";
import { root } from "../../../tasks/toolchain.ts";
import { mdstatText } from "./mdstat_texts.ts";

const golden = join(root, "tests/golden/mdmpd/mdstat");

async function sample(name: string): Promise<string> {
  return await Deno.readTextFile(join(golden, `${name}.txt`));
}

/** An array in one line: what a reader of the text would say of it. */
function shown(array: MdstatArray): string {
  const { name, state, access, personality, members, kib, metadata, slots, sync, bitmap } = array;
  const paths = members.map(({ device, number, flags }) => `${device}:${number}${flags}`);
  return [
    ...[name, state, access, personality ?? "-", paths.join(","), kib ?? "-", metadata],
    slots === undefined ? "-" : `${slots.total}/${slots.working}/${slots.map}`,
    sync === undefined ? "-" : `${sync.action}=${sync.progress}`,
    bitmap ?? "-",
  ].join(" ");
}

const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "three-paths": [
    "md0 active read-write multipath loop32:0,loop31:1,loop30:2 64512 1.2 3/3/UUU - -",
  ],
  "two-arrays": [
    "md1 active read-write multipath loop35:0,loop34:1 65472 0.90 2/2/UU - -",
    "md0 active read-write multipath loop33:4S,loop31:3,loop32:0,loop30:2 64512 1.2 3/3/UUU - -",
  ],
  "resync-delayed": [
    "md21 active read-write raid1 loop11p2:1,loop10p2:0 38976 1.2 2/2/UU resync=DELAYED -",
    "md20 active read-write raid1 loop11p1:1,loop10p1:0 38976 1.2 2/2/UU resync=6.4 -",
  ],
  "no-personality": [],
  "records": [
    "md0 active read-write multipath loop32:0,loop31:1F,loop30:2 64512 1.2 3/2/U_U - -",
    "md0 active read-write multipath loop32:0,loop30:2 64512 1.2 3/2/U_U - -",
    "md0 active read-write multipath loop31:3,loop32:0,loop30:2 64512 1.2 3/3/UUU - -",
    "md0 active read-write multipath loop33:4S,loop31:3,loop32:0,loop30:2 64512 1.2 3/3/UUU - -",
    "md1 active read-write multipath loop35:1,loop34:0 65536 non-persistent 2/2/UU - -",
    "md0 active auto-read-only multipath sdb:3,sda:2 64512 1.2 3/2/U_U - -",
    "md2 active read-write raid1 loop3:2,loop2:1WF,loop1:0 64512 1.2 2/1/U_ recovery=2.3 " +
    "1/1 pages [4KB], 65536KB chunk",
    "md3 active read-write raid5 loop6:3,loop5:1,loop4:0 126976 1.2 3/2/UU_ recovery=42.4 -",
    "md4 active read-write raid10 loop19:4R,loop7:0,loop10:3,loop9:2,loop8:1 126976 1.2 " +
    "4/4/UUUU - -",
    "md9 active read-write raid5 loop22:4,loop23:3,loop21:1,loop20:0J - 0.90 - - -",
    "md5 inactive read-write - loop11:0S 63488 1.2 - - -",
    "md20 active auto-read-only raid1 loop10p1:0,loop11p1:1 38976 1.2 2/2/UU resync=PENDING -",
    "md6 active read-only raid0 loop15:1,loop14:0 126976 1.2 - - -",
    "md4 active read-write raid10 loop10:3,loop9:2,loop8:1,loop7:0 126976 1.2 4/4/UUUU check=1.2 -",
    "md23 active read-write raid5 loop15:3,loop14:2,loop13:1,loop12:0 200704 1.2 4/4/UUUU " +
    "reshape=4.5 -",
    "md126 active read-write raid1 loop3:1,loop1:0 32768 external:/md127/0 2/2/UU - -",
    "md127 inactive read-write - loop3:2S,loop2:1S,loop1:0S 98304 external:ddf - - -",
    "md10 active read-write faulty loop3:0 65536 non-persistent - - -",
  ],
};

for (const [name, expected] of Object.entries(EXPECTED)) {
  Deno.test(`parseMdstat reads the captured text "${name}" whole`, async () => {
    const { arrays, problems } = parseMdstat(await sample(name));
    assertEquals(arrays.map(shown), expected);
    assertEquals(problems, []);
  });
}

Deno.test("parseMdstat reads the names of the personalities", async () => {
  const { personalities } = parseMdstat(await sample("three-paths"));
  assertEquals(personalities.slice(0, 3), ["multipath", "raid1", "raid10"]);
  assertEquals(parseMdstat(await sample("no-personality")).personalities, []);
});

Deno.test("parseMdstat lets words of other kernels through", () => {
  const text = "Personalities : [multipath] [quantum]\nread_ahead 1024 sectors\n" +
    "md0 : broken (frozen) multipath sdb[1](F)(Q) cciss/c0d0[0] junk\n" +
    "      64 blocks super 1.3 [2/1] [U?]\n      spinning: 3/4\n\nunused devices: sdc \n";
  const { arrays, problems } = parseMdstat(text);
  assertEquals(arrays.map(shown), [
    "md0 broken read-write multipath sdb:1FQ,cciss/c0d0:0 64 1.3 2/1/U? - -",
  ]);
  assertEquals(problems.map(({ kind, line }) => `${line} ${kind}`), [
    "2 line",
    "3 member",
    "5 status",
  ]);
});

Deno.test("isUnderstood doubts a text that has neither header nor array", () => {
  const understood = (text: string): boolean => isUnderstood(parseMdstat(text));
  assertEquals(understood("Personalities : \nunused devices: <none>\n"), true);
  assertEquals(understood("md0 : active multipath sda[0]\n"), true);
  for (const text of ["", "\n\n", "{}", "md arrays: none\n"]) assertEquals(understood(text), false);
});

Deno.test("parseMdstat gives back whatever a kernel of the known grammar prints", () => {
  fc.assert(
    fc.property(mdstatText, ({ text, arrays }) => {
      const parsed = parseMdstat(text);
      assertEquals(parsed.problems, []);
      assertEquals(parsed.arrays.map(shown), arrays);
    }),
    { seed: 4_1, numRuns: 500 },
  );
});

function isSound({ arrays, personalities }: Mdstat): boolean {
  return arrays.every(({ name, members }) =>
    name !== "" && members.every(({ device, number }) => device !== "" && Number.isInteger(number))
  ) && personalities.every((name) => name !== "");
}

Deno.test("parseMdstat is total: any text gives sound records", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
      assert(isSound(parseMdstat(text)));
    }),
    { seed: 4_2, numRuns: 2_000 },
  );
});

Deno.test("parseMdstat is total on captured texts that were cut, doubled or changed", async () => {
  const texts = await Promise.all(Object.keys(EXPECTED).map(sample));
  const damage = fc.record({
    text: fc.constantFrom(...texts),
    at: fc.nat(2_000),
    length: fc.nat(40),
    put: fc.string({ maxLength: 8 }),
  });
  fc.assert(
    fc.property(damage, ({ text, at, length, put }) => {
      const damaged = text.slice(0, at) + put + text.slice(at + length);
      assert(isSound(parseMdstat(damaged)));
    }),
    { seed: 4_3, numRuns: 3_000 },
  );
});
