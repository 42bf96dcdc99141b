/**
 * C structures as frozen tables of offsets.
 *
 * A layout is computed from the field types by the natural alignment of the x86-64 and aarch64 Linux ABIs; the layout
 * test compares every one with the installed headers through a generated C program.
 */

/** Field types by width; a number in brackets makes an array of bytes: `["bytes", 108]`. */
export type FieldType =
  | "u8"
  | "i16"
  | "u16"
  | "i32"
  | "u32"
  | "i64"
  | "u64"
  | readonly ["bytes", number];

export interface Layout<Field extends string> {
  /** The name as C knows it, such as `struct stat`. */
  readonly cName: string;
  /** Size in bytes, trailing padding included. */
  readonly size: number;
  /** Offset in bytes of each field. */
  readonly at: Readonly<Record<Field, number>>;
  readonly fields: Readonly<Record<Field, FieldType>>;
}

const WIDTH = { u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8 } as const;

function width(type: FieldType): number {
  return typeof type === "string" ? WIDTH[type] : type[1];
}

function alignment(type: FieldType): number {
  return typeof type === "string" ? WIDTH[type] : 1;
}

function roundUp(offset: number, unit: number): number {
  return Math.ceil(offset / unit) * unit;
}

/** Lays out a structure; `packed` is `__attribute__((packed))`. */
export function layout<Field extends string>(
  cName: string,
  fields: Readonly<Record<Field, FieldType>>,
  packed = false,
): Layout<Field> {
  const at = {} as Record<Field, number>;
  let offset = 0;
  let widest = 1;
  for (const field of Object.keys(fields) as Field[]) {
    const unit = packed ? 1 : alignment(fields[field]);
    widest = Math.max(widest, unit);
    at[field] = roundUp(offset, unit);
    offset = at[field] + width(fields[field]);
  }
  return Object.freeze({ cName, size: roundUp(offset, widest), at: Object.freeze(at), fields });
}

/** An unsigned 64-bit field as a number. Exact below 2^53, which inode, device and size numbers stay under in practice. */
export function getU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

/** Writes a non-negative integer below 2^53 as a 64-bit field. */
export function setU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
}
