/** Messages to device-mapper devices, by the ioctls of /dev/mapper/control (linux/dm-ioctl.h); no library of device-mapper's. */
import { type Layout, layout } from "../src/wire/layout.ts";
import { type ByteString, decodeBytes, encodeBytes } from "../src/wire/bytes.ts";
import { EINTR, EMSGSIZE, errno } from "./errno.ts";
import { closeDescriptor, O_CLOEXEC, O_RDWR, openFile } from "./file.ts";
import { libc } from "./libc.ts";
import { cString } from "./memory.ts";

export const CONTROL_NODE = "/dev/mapper/control";

/** _IOWR(DM_IOCTL, DM_TARGET_MSG_CMD, struct dm_ioctl) */
const DM_TARGET_MSG = 0xc138fd0en;
const DM_BUFFER_FULL_FLAG = 1 << 8;
const DM_DATA_OUT_FLAG = 1 << 16;
/** The interface's version; the kernel takes any with this first number, and answers its own. */
const DM_VERSION_MAJOR = 4;

const DM_IOCTL: Layout<"version" | "data_size" | "data_start" | "flags" | "dev"> = layout(
  "struct dm_ioctl",
  {
    version: ["bytes", 12],
    data_size: "u32",
    data_start: "u32",
    target_count: "u32",
    open_count: "i32",
    flags: "u32",
    event_nr: "u32",
    padding: "u32",
    dev: "u64",
    name: ["bytes", 128],
    uuid: ["bytes", 129],
    data: ["bytes", 7],
  },
);
/** `message` follows, NUL-terminated. */
const DM_TARGET_MSG_HEAD = layout("struct dm_target_msg", { sector: "u64" });

export const CONSTANTS = {
  DM_TARGET_MSG: Number(DM_TARGET_MSG),
  DM_BUFFER_FULL_FLAG,
  DM_DATA_OUT_FLAG,
  DM_VERSION_MAJOR,
};
export const STRUCTS = [DM_IOCTL, DM_TARGET_MSG_HEAD];

const FIRST_BYTES = 16_384;

/** An open control node, with its reused buffer. */
export class DeviceMapper {
  #buffer = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #answer: ByteString = "";

  private constructor(private readonly fd: number, private readonly answerMaxBytes: number) {}

  /** Opens the control node, or −errno. `answerMaxBytes`: a longer answer is refused with EMSGSIZE. */
  static open(answerMaxBytes: number): DeviceMapper | number {
    const fd = openFile(cString(CONTROL_NODE), O_RDWR | O_CLOEXEC, 0);
    return fd < 0 ? fd : new DeviceMapper(fd, answerMaxBytes);
  }

  /** What the last message was answered; "" where it has no answer. */
  get answer(): ByteString {
    return this.#answer;
  }

  /** Sends a message to the device of that number, as stat(2) gives it; 0 or −errno. */
  message(device: number, text: ByteString): number {
    this.#reserve(DM_IOCTL.size + DM_TARGET_MSG_HEAD.size + text.length + 1);
    for (;;) {
      this.#encode(device, text);
      if (libc.ioctl(this.fd, DM_TARGET_MSG, this.#buffer) < 0) {
        const code = errno();
        if (code === EINTR) continue;
        return -code;
      }
      const flags = this.#view.getUint32(DM_IOCTL.at.flags, true);
      if ((flags & DM_BUFFER_FULL_FLAG) === 0) return this.#take(flags);
      // The kernel tests for room before it does anything, so asking again does it once.
      if (this.#buffer.length >= this.answerMaxBytes) return -EMSGSIZE;
      this.#reserve(2 * this.#buffer.length);
    }
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    this.#buffer = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
    this.#view = new DataView(this.#buffer.buffer);
  }

  #encode(device: number, text: ByteString): void {
    const view = this.#view;
    const { at, size } = DM_IOCTL;
    this.#buffer.fill(0, 0, size + DM_TARGET_MSG_HEAD.size);
    view.setUint32(at.version, DM_VERSION_MAJOR, true);
    view.setUint32(at.data_size, this.#buffer.length, true);
    view.setUint32(at.data_start, size, true);
    view.setBigUint64(at.dev, BigInt(device), true);
    const end = encodeBytes(text, this.#buffer, size + DM_TARGET_MSG_HEAD.size);
    this.#buffer[end] = 0;
  }

  #take(flags: number): number {
    this.#answer = "";
    if ((flags & DM_DATA_OUT_FLAG) === 0) return 0;
    const start = this.#view.getUint32(DM_IOCTL.at.data_start, true);
    const end = this.#buffer.indexOf(0, start);
    this.#answer = decodeBytes(this.#buffer, start, end < 0 ? this.#buffer.length : end);
    return 0;
  }

  close(): void {
    closeDescriptor(this.fd);
  }
}
