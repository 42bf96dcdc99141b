import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  encodeFiemap,
  ExtentReader,
  FIEMAP,
  FIEMAP_EXTENT,
  fiemapBytes,
} from "../../../daemons/dmfilemapd/fiemap.ts";

interface Raw {
  readonly logical: number;
  readonly physical: number;
  readonly length: number;
  readonly flags?: number;
}

const LAST = 1;
const UNKNOWN = 2;
const DELALLOC = 4;
const UNWRITTEN = 0x800;
const SHARED = 0x2000;

function answer(extents: readonly Raw[]): DataView {
  const view = new DataView(new ArrayBuffer(fiemapBytes(Math.max(1, extents.length))));
  view.setUint32(FIEMAP.at.fm_mapped_extents, extents.length, true);
  extents.forEach(({ logical, physical, length, flags = 0 }, i) => {
    const at = FIEMAP.size + i * FIEMAP_EXTENT.size;
    view.setBigUint64(at + FIEMAP_EXTENT.at.fe_logical, BigInt(logical), true);
    view.setBigUint64(at + FIEMAP_EXTENT.at.fe_physical, BigInt(physical), true);
    view.setBigUint64(at + FIEMAP_EXTENT.at.fe_length, BigInt(length), true);
    view.setUint32(at + FIEMAP_EXTENT.at.fe_flags, flags, true);
  });
  return view;
}

function read(...extents: Raw[]): ExtentReader["map"] {
  const reader = new ExtentReader();
  reader.take(answer(extents), 0);
  return reader.map;
}

Deno.test("encodeFiemap asks for everything from an offset, and never for SYNC", () => {
  const view = new DataView(new ArrayBuffer(fiemapBytes(3)));
  encodeFiemap(view, 2 ** 40, 3);
  assertEquals(view.getBigUint64(0, true), 1n << 40n);
  assertEquals(view.getBigUint64(8, true), 0xffff_ffff_ffff_ffffn);
  assertEquals(view.getUint32(16, true), 0);
  assertEquals(view.getUint32(24, true), 3);
});

Deno.test("ExtentReader joins extents that follow each other on the device, whatever lies between in the file", () => {
  const map = read(
    { logical: 0, physical: 1 << 20, length: 4096, flags: UNWRITTEN },
    { logical: 1 << 30, physical: (1 << 20) + 4096, length: 8192 },
    { logical: 2 << 29, physical: 512, length: 4096, flags: LAST },
  );
  assertEquals(map, {
    extents: [{ start: 2048, length: 24 }, { start: 1, length: 8 }],
    unsettled: false,
    shared: false,
    endBytes: (1 << 30) + 4096,
  });
});

Deno.test("ExtentReader leaves out what is not on the device yet, and says so", () => {
  const delayed = { logical: 0, physical: 0, length: 4096, flags: UNKNOWN | DELALLOC | LAST };
  assertEquals(read(delayed), { extents: [], unsettled: true, shared: false, endBytes: 4096 });
});

Deno.test("ExtentReader maps blocks that are shared, and says that there are some", () => {
  const map = read(
    { logical: 0, physical: 1 << 20, length: 4096, flags: SHARED },
    { logical: 4096, physical: 512, length: 4096, flags: LAST },
  );
  assertEquals([map.extents.length, map.shared, map.unsettled], [2, true, false]);
});

Deno.test("ExtentReader leaves out data inside the inode, which have no sectors", () => {
  assertEquals(read({ logical: 0, physical: 100, length: 60, flags: LAST }).extents, []);
});

Deno.test("ExtentReader is exact at the far end of 64 bits", () => {
  const far = (1n << 62n) + 4096n;
  const map = read({ logical: 0, physical: Number(far), length: 4096, flags: LAST });
  assertEquals(map.extents, [{ start: Number(far >> 9n), length: 8 }]);
});

Deno.test("ExtentReader goes on behind the last extent of a batch, to the one that has LAST", () => {
  const reader = new ExtentReader();
  const first = answer([{ logical: 0, physical: 8192, length: 4096 }]);
  assertEquals(reader.take(first, 0), 4096);
  assertEquals(reader.take(answer([]), 4096), undefined);
  const last = answer([{ logical: 4096, physical: 4096, length: 4096, flags: LAST }]);
  assertEquals(reader.take(last, 4096), undefined);
  assertEquals(reader.map.extents.length, 2);
});

Deno.test("ExtentReader ends with any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 400 }), (bytes) => {
      const reader = new ExtentReader();
      const next = reader.take(new DataView(bytes.buffer, 0, bytes.length), 100);
      assertEquals(next === undefined || next > 100, true);
      for (const { length } of reader.map.extents) assertEquals(length > 0, true);
    }),
    { seed: 1, numRuns: 3000 },
  );
});
