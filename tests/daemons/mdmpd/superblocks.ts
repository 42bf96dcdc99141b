/** Superblocks written for tests, from the drawings in linux/raid/md_p.h and apart from the code under test. */
import type { Version } from "../../../daemons/mdmpd/superblock.ts";

export interface SuperblockFields {
  readonly arrayUuid: string;
  readonly deviceUuid: string;
  readonly level: number;
  readonly raidDisks: number;
  readonly events: number;
  readonly deviceNumber: number;
  /** By device number; undefined is a spare. */
  readonly roles: readonly (number | undefined)[];
  readonly dataOffsetSectors: number;
  readonly sizeSectors: number;
  readonly bitmapSectors?: number;
}

export const SAMPLE: SuperblockFields = {
  arrayUuid: "00112233445566778899aabbccddeeff",
  deviceUuid: "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
  level: -4,
  raidDisks: 2,
  events: 17,
  deviceNumber: 1,
  roles: [0, 1],
  dataOffsetSectors: 2_048,
  sizeSectors: 129_024,
};

function putHex(bytes: Uint8Array, at: number, hex: string): void {
  bytes.set(Uint8Array.fromHex(hex), at);
}

/** The format 1.x, to be put `offset` bytes from the device's beginning. */
export function newSuperblock(fields: SuperblockFields, offset: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const { roles } = fields;
  view.setUint32(0, 0xa92b4efc, true);
  view.setUint32(4, 1, true);
  view.setUint32(8, fields.bitmapSectors === undefined ? 0 : 1, true);
  putHex(bytes, 16, fields.arrayUuid);
  bytes.set(new TextEncoder().encode("rig:test"), 32);
  view.setBigUint64(64, 1_700_000_000n, true);
  view.setInt32(72, fields.level, true);
  view.setBigUint64(80, BigInt(fields.sizeSectors), true);
  view.setUint32(92, fields.raidDisks, true);
  view.setInt32(96, fields.bitmapSectors ?? 0, true);
  view.setBigUint64(128, BigInt(fields.dataOffsetSectors), true);
  view.setBigUint64(136, BigInt(fields.sizeSectors), true);
  view.setBigUint64(144, BigInt(offset / 512), true);
  view.setUint32(160, fields.deviceNumber, true);
  putHex(bytes, 168, fields.deviceUuid);
  view.setBigUint64(192, 1_700_000_001n, true);
  view.setBigUint64(200, BigInt(fields.events), true);
  view.setBigUint64(208, 0xffff_ffff_ffff_ffffn, true);
  view.setUint32(220, roles.length, true);
  roles.forEach((role, i) => view.setUint16(256 + 2 * i, role ?? 0xffff, true));
  view.setUint32(216, newChecksum(view, roles.length), true);
  return bytes;
}

function newChecksum(view: DataView, maxDev: number): number {
  let sum = 0n;
  const length = 256 + 2 * maxDev;
  for (let at = 0; at + 4 <= length; at += 4) {
    if (at !== 216) sum += BigInt(view.getUint32(at, true));
  }
  if (length % 4 === 2) sum += BigInt(view.getUint16(length - 2, true));
  return Number(((sum & 0xffff_ffffn) + (sum >> 32n)) & 0xffff_ffffn);
}

/** The format 0.90. */
export function oldSuperblock(fields: SuperblockFields, little = true): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const put = (word: number, value: number): void => view.setUint32(word * 4, value, little);
  const uuid = fields.arrayUuid;
  put(0, 0xa92b4efc);
  put(2, 90);
  putHex(bytes, 5 * 4, uuid.slice(0, 8));
  putHex(bytes, 13 * 4, uuid.slice(8));
  put(6, 1_700_000_000);
  view.setInt32(7 * 4, fields.level, little);
  put(8, fields.sizeSectors / 2);
  put(9, fields.raidDisks);
  put(10, fields.raidDisks);
  put(32, 1_700_000_001);
  put(33, fields.bitmapSectors === undefined ? 1 : 0x101);
  put(little ? 39 : 40, fields.events % 0x1_0000_0000);
  put(little ? 40 : 39, Math.floor(fields.events / 0x1_0000_0000));
  fields.roles.forEach((role, i) => {
    for (const at of i === fields.deviceNumber ? [128 + 32 * i, 992] : [128 + 32 * i]) {
      [i, 7, i, role ?? i, role === undefined ? 0 : 6].forEach((value, word) =>
        put(at + word, value)
      );
    }
  });
  let sum = 0n;
  for (let at = 0; at < 4096; at += 4) sum += BigInt(view.getUint32(at, little));
  put(38, Number(((sum & 0xffff_ffffn) + (sum >> 32n)) & 0xffff_ffffn));
  return bytes;
}

/** Of either format. */
export function writtenSuperblock(
  version: Version,
  fields: SuperblockFields,
  offset: number,
): Uint8Array<ArrayBuffer> {
  return version === "0.90" ? oldSuperblock(fields) : newSuperblock(fields, offset);
}
