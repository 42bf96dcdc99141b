/**
 * The write-intent bitmap's own superblock, bitmap_super_t of drivers/md/md-bitmap.h: little-endian. It says from which count of
 * events on the bitmap knows every block that was written.
 */
import { getU64, layout } from "../../src/wire/layout.ts";

const SUPER = layout("bitmap_super_t", {
  magic: "u32",
  version: "u32",
  uuid: ["bytes", 16],
  events: "u64",
  events_cleared: "u64",
});

/** md-bitmap.h: BITMAP_MAGIC, the letters "bitm" */
const MAGIC = 0x6d74_6962;
export const BITMAP_SUPER_BYTES = 4_096;

/** A member whose superblock has this count of events or a later one is missing only what the bitmap marks; undefined for no bitmap. */
export function eventsCleared(bytes: Uint8Array): number | undefined {
  if (bytes.length < SUPER.size) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(SUPER.at.magic, true) !== MAGIC) return undefined;
  return getU64(view, SUPER.at.events_cleared);
}
