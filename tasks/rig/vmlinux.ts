/**
 * The ELF kernel inside of a bzImage. QEMU starts it directly (PVH), while the bzImage would unpack itself first, which takes
 * four seconds under TCG.
 */

/** "HdrS": the real-mode header's magic (Documentation/x86/boot.rst, "The Real-Mode Kernel Header"). */
const HEADER_MAGIC = 0x53726448;

/** What the header says of the payload: setup_sects (0x1f1), version (0x206), payload_offset and payload_length (0x248). */
const SETUP_SECTORS = 0x1f1;
const MAGIC = 0x202;
const VERSION = 0x206;
const PAYLOAD = 0x248;

/** The payload's fields are there from protocol 2.08 on. */
const VERSION_WITH_PAYLOAD = 0x0208;

/** The compressed kernel in a bzImage, without the four bytes of length that the build appends to it. */
export function kernelPayload(bzImage: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bzImage.length < PAYLOAD + 8) throw new Error("not a bzImage: too short");
  const view = new DataView(bzImage.buffer, bzImage.byteOffset);
  if (view.getUint32(MAGIC, true) !== HEADER_MAGIC) throw new Error("not a bzImage: no HdrS");
  if (view.getUint16(VERSION, true) < VERSION_WITH_PAYLOAD) throw new Error("a bzImage too old");
  const begin = (bzImage[SETUP_SECTORS] + 1) * 512 + view.getUint32(PAYLOAD, true);
  return bzImage.subarray(begin, begin + view.getUint32(PAYLOAD + 4, true) - 4);
}

/** Whether bytes begin as a stream of XZ does, which is what Debian 12 uses. */
export function isXz(bytes: Uint8Array): boolean {
  return [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00].every((byte, index) => bytes[index] === byte);
}
