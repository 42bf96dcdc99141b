/** As much of ELF-64 (elf.h, Elf64_Ehdr) as it takes to tell a program from what was appended to it. */

/**
 * Where the ELF image ends: behind its section headers, which linkers put last.
 * Throws on anything that is not a little-endian ELF-64 file, or that ends before.
 */
export function elfImageBytes(file: Uint8Array<ArrayBuffer>): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const ident = file.byteLength < 64 ? 0 : view.getUint32(0);
  const elf64LittleEndian = ident === 0x7f454c46 && file[4] === 2 && file[5] === 1;
  if (!elf64LittleEndian) throw new Error("not a little-endian ELF-64 file");
  const sectionHeaders = Number(view.getBigUint64(40, true)); // e_shoff
  const end = sectionHeaders + view.getUint16(58, true) * view.getUint16(60, true); // e_shentsize × e_shnum
  if (end > file.byteLength) {
    throw new Error(
      `ELF file of ${file.byteLength} bytes ends before its section headers (${end})`,
    );
  }
  return end;
}
