/** Superblocks: against mdadm's own reading of them, and against damage of every kind. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { eventsCleared } from "../../../daemons/mdmpd/bitmap.ts";
import {
  decodeSuperblock,
  isSuperblock,
  type Superblock,
  superblockOffset,
  type SuperblockProblem,
  type Version,
  versionOf,
} from "../../../daemons/mdmpd/superblock.ts";
import { decodeOld } from "../../../daemons/mdmpd/superblock_old.ts";
import { run } from "../../../tasks/toolchain.ts";
import { inFolder, testWith } from "../../tasks/needs.ts";
import {
  newSuperblock,
  oldSuperblock,
  SAMPLE,
  type SuperblockFields,
  writtenSuperblock,
} from "./superblocks.ts";

const VERSIONS = ["0.90", "1.0", "1.1", "1.2"] as const;
const DEVICE_BYTES = 64 << 20;

function offsetOf(version: Version): number {
  return superblockOffset(version, DEVICE_BYTES) as number;
}

function decoded(version: Version, fields: SuperblockFields): Superblock | SuperblockProblem {
  const offset = offsetOf(version);
  return decodeSuperblock(version, writtenSuperblock(version, fields, offset), offset);
}

/** Throws where there is none. */
function existing(found: Superblock | SuperblockProblem): Superblock {
  if (!isSuperblock(found)) throw new Error(found.text);
  return found;
}

function sound(version: Version, fields: SuperblockFields): Superblock {
  return existing(decoded(version, fields));
}

function problem(found: Superblock | SuperblockProblem): string {
  return isSuperblock(found) ? "none" : found.problem;
}

for (const version of VERSIONS) {
  Deno.test(`decodeSuperblock reads every field of format ${version}`, () => {
    const found = sound(version, { ...SAMPLE, bitmapSectors: 8 });
    const isOld = version === "0.90";
    assertEquals(found, {
      version,
      arrayUuid: SAMPLE.arrayUuid,
      deviceUuid: isOld ? undefined : SAMPLE.deviceUuid,
      level: -4,
      raidDisks: 2,
      events: 17,
      deviceNumber: 1,
      role: 1,
      roles: isOld ? [0, 1, ...Array(25).fill(undefined)] : [0, 1],
      neededSectors: isOld ? SAMPLE.sizeSectors : SAMPLE.sizeSectors + SAMPLE.dataOffsetSectors,
      bitmapSectors: 8,
    });
  });
}

Deno.test("superblockOffset has the places that mdadm and the kernel use", () => {
  assertEquals(VERSIONS.map(offsetOf), [67_043_328, 67_100_672, 0, 4_096]);
  // A size that is no multiple of the reserved 64 KiB, nor of 4 KiB.
  const odd = DEVICE_BYTES + 70_144;
  assertEquals(superblockOffset("0.90", odd), DEVICE_BYTES);
  assertEquals(superblockOffset("1.0", odd), odd - 8_192 - (odd - 8_192) % 4_096);
});

Deno.test("superblockOffset finds no place on a device that is too small", () => {
  for (const version of VERSIONS) assertEquals(superblockOffset(version, 4_095), undefined);
  assertEquals(superblockOffset("1.1", 4_096), 0);
  assertEquals(superblockOffset("0.90", 65_535), undefined);
});

Deno.test("decodeSuperblock refuses a new superblock that was found in another place", () => {
  const bytes = newSuperblock(SAMPLE, 4_096);
  assertEquals(problem(decodeSuperblock("1.2", bytes, 4_096)), "none");
  assertEquals(problem(decodeSuperblock("1.1", bytes, 0)), "place");
});

Deno.test("an old superblock of the other byte order is known, and refused as the kernel refuses it", () => {
  const big = oldSuperblock({ ...SAMPLE, events: 0x1_0000_0002 }, false);
  assertEquals(problem(decodeSuperblock("0.90", big, 0)), "byte order");
  const found = existing(decodeOld(new DataView(big.buffer), false));
  assertEquals([found.events, found.level, found.arrayUuid], [
    0x1_0000_0002,
    -4,
    SAMPLE.arrayUuid,
  ]);
});

Deno.test("an old superblock may have the folded checksum of old kernels", () => {
  const bytes = oldSuperblock(SAMPLE);
  const view = new DataView(bytes.buffer);
  const sum = view.getUint32(38 * 4, true);
  view.setUint32(38 * 4, (sum & 0xffff) + (sum >>> 16), true);
  assertEquals(problem(decodeSuperblock("0.90", bytes, 0)), "none");
});

Deno.test("decodeSuperblock finds none in zeros, in noise and in a short read", () => {
  const noise = Uint8Array.from({ length: 4096 }, (_, i) => i * 7 + (i >> 3));
  for (const version of VERSIONS) {
    for (const bytes of [new Uint8Array(4096), noise, new Uint8Array(512), new Uint8Array(0)]) {
      assertEquals(problem(decodeSuperblock(version, bytes, 0)), "absent");
    }
  }
});

Deno.test("decodeSuperblock notices any changed bit that it relies on", () => {
  const change = fc.record({
    version: fc.constantFrom(...VERSIONS),
    at: fc.nat(255),
    bit: fc.nat(7),
  });
  fc.assert(
    fc.property(change, ({ version, at, bit }) => {
      const offset = offsetOf(version);
      const bytes = writtenSuperblock(version, SAMPLE, offset);
      bytes[at] ^= 1 << bit;
      assert(!isSuperblock(decodeSuperblock(version, bytes, offset)));
    }),
    { seed: 4_4, numRuns: 2_000 },
  );
});

Deno.test("decodeSuperblock is total: any bytes behind a magic number give a result", () => {
  const magic = new Uint8Array([0xfc, 0x4e, 0x2b, 0xa9]);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 300, maxLength: 300 }), (random) => {
      const bytes = new Uint8Array(4096);
      bytes.set(random);
      bytes.set(magic);
      for (const version of VERSIONS) {
        const found = decodeSuperblock(version, bytes, offsetOf(version));
        assert(isSuperblock(found) || found.text !== "");
      }
    }),
    { seed: 4_5, numRuns: 1_000 },
  );
});

const fieldsOf: fc.Arbitrary<SuperblockFields> = fc.record({
  arrayUuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytes.toHex()),
  deviceUuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytes.toHex()),
  level: fc.constantFrom(-4, 1, 4, 5, 6, 10),
  raidDisks: fc.integer({ min: 1, max: 27 }),
  events: fc.nat(2 ** 45),
  deviceNumber: fc.nat(4),
  roles: fc.array(fc.option(fc.nat(26), { nil: undefined }), { minLength: 5, maxLength: 9 }),
  dataOffsetSectors: fc.nat(1 << 20),
  sizeSectors: fc.nat(1 << 30).map((half) => half * 2),
});

Deno.test("decodeSuperblock gives back what any superblock was made of", () => {
  fc.assert(
    fc.property(fc.constantFrom(...VERSIONS), fieldsOf, (version, fields) => {
      const found = sound(version, fields);
      assertEquals(
        [found.arrayUuid, found.level, found.events, found.raidDisks, found.role],
        [
          ...[fields.arrayUuid, fields.level, fields.events, fields.raidDisks],
          fields.roles[fields.deviceNumber],
        ],
      );
    }),
    { seed: 4_6, numRuns: 1_000 },
  );
});

/** What `mdadm --examine` says of a disk image with this superblock. */
async function examined(version: Version, fields: SuperblockFields): Promise<string> {
  let output = "";
  await inFolder(async (folder) => {
    const path = join(folder, "disk");
    const offset = offsetOf(version);
    await using disk = await Deno.open(path, { write: true, create: true });
    await disk.truncate(DEVICE_BYTES);
    await disk.seek(offset, Deno.SeekMode.Start);
    await disk.write(writtenSuperblock(version, fields, offset));
    output = (await run("mdadm", ["--examine", path], { env: { LC_ALL: "C" } })).output;
  });
  return output;
}

function line(text: string, name: string): string {
  return new RegExp(`^\\s*${name} : (.*)$`, "m").exec(text)?.[1].trim() ?? "";
}

await testWith(
  ["mdadm"],
  "mdadm reads the same from the superblocks that the tests write",
  async () => {
    for (const version of VERSIONS) {
      const said = await examined(version, SAMPLE);
      assertEquals(line(said, "Raid Level"), "multipath", said);
      assertStringIncludes(line(said, "Checksum"), "correct");
      assertEquals(line(said, "Events"), "17", said);
      if (version !== "0.90") {
        assertEquals(line(said, "Array UUID").replaceAll(":", ""), SAMPLE.arrayUuid);
        assertEquals(line(said, "Device UUID").replaceAll(":", ""), SAMPLE.deviceUuid);
      }
    }
  },
);

Deno.test("versionOf knows the formats that have a superblock of md's own", () => {
  const texts = ["0.90", "1.0", "1.1", "1.2", "none", "external:imsm", "1.3", ""];
  assertEquals(texts.map(versionOf), ["0.90", "1.0", "1.1", "1.2", ...Array(4).fill(undefined)]);
});

Deno.test("eventsCleared reads a bitmap's superblock and nothing else", () => {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("bitm"));
  view.setUint32(4, 4, true);
  view.setBigUint64(24, 99n, true);
  view.setBigUint64(32, 42n, true);
  assertEquals(eventsCleared(bytes), 42);
  assertEquals(eventsCleared(bytes.subarray(0, 30)), undefined);
  bytes[0] = 0;
  assertEquals(eventsCleared(bytes), undefined);
});
