import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type FieldType, getU64, layout, setU64 } from "../../../src/wire/layout.ts";

Deno.test("layout aligns every field to its own width and the size to the widest", () => {
  // struct flock of asm-generic/fcntl.h: 32 bytes on the 64-bit ABIs.
  const flock = layout("struct flock", {
    l_type: "i16",
    l_whence: "i16",
    l_start: "i64",
    l_len: "i64",
    l_pid: "i32",
  });
  assertEquals(flock.size, 32);
  assertEquals(flock.at, { l_type: 0, l_whence: 2, l_start: 8, l_len: 16, l_pid: 24 });
});

Deno.test("layout puts an array of bytes where it comes", () => {
  // struct sockaddr_un of sys/un.h.
  const address = layout("struct sockaddr_un", { sun_family: "u16", sun_path: ["bytes", 108] });
  assertEquals(address.size, 110);
  assertEquals(address.at, { sun_family: 0, sun_path: 2 });
});

Deno.test("layout leaves no gaps in a packed structure", () => {
  // struct epoll_event of sys/epoll.h, which is packed on x86-64.
  const event = { events: "u32", data: "u64" } as const;
  assertEquals(layout("struct epoll_event", event, true).size, 12);
  assertEquals(layout("struct epoll_event", event, true).at.data, 4);
  assertEquals(layout("struct epoll_event", event).size, 16);
  assertEquals(layout("struct epoll_event", event).at.data, 8);
});

Deno.test("layout gives a structure that cannot be changed", () => {
  const ucred = layout("struct ucred", { pid: "i32", uid: "u32", gid: "u32" });
  assertThrows(() => Object.assign(ucred, { size: 1 }), TypeError);
  assertThrows(() => Object.assign(ucred.at, { pid: 1 }), TypeError);
});

const widths: Record<string, number> = { u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8 };

const anyType: fc.Arbitrary<FieldType> = fc.oneof(
  fc.constantFrom<FieldType>("u8", "i16", "u16", "i32", "u32", "i64", "u64"),
  fc.nat(20).map((length): FieldType => ["bytes", length]),
);

function widthOf(type: FieldType): number {
  return typeof type === "string" ? widths[type] : type[1];
}

Deno.test("layout keeps order, never overlaps, aligns, and pads no more than it must", () => {
  const property = fc.property(
    fc.array(anyType, { minLength: 1 }),
    fc.boolean(),
    (types, packed) => {
      const fields = Object.fromEntries(types.map((type, i) => [`f${i}`, type]));
      const { at, size } = layout("struct any", fields, packed);
      let end = 0;
      let widest = 1;
      types.forEach((type, i) => {
        const unit = packed || typeof type !== "string" ? 1 : widthOf(type);
        assertEquals(at[`f${i}`], Math.ceil(end / unit) * unit);
        end = at[`f${i}`] + widthOf(type);
        widest = Math.max(widest, unit);
      });
      assertEquals(size, Math.ceil(end / widest) * widest);
    },
  );
  fc.assert(property, { seed: 12, numRuns: 1_000 });
});

Deno.test("getU64 reads what setU64 wrote, as the kernel has it", () => {
  const view = new DataView(new ArrayBuffer(16));
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(8), (value, offset) => {
      setU64(view, offset, value);
      assertEquals(view.getBigUint64(offset, true), BigInt(value));
      assertEquals(getU64(view, offset), value);
    }),
    { seed: 13, numRuns: 2_000 },
  );
  setU64(view, 0, Number.MAX_SAFE_INTEGER);
  assertEquals(view.getBigUint64(0, true), 2n ** 53n - 1n);
});
