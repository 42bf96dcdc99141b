/** Block devices by number or path. */
import { O_DIRECT } from "../../../ffi/aio.ts";
import { EINVAL, ENOENT, Errno } from "../../../ffi/errno.ts";
import {
  closeDescriptor,
  O_CLOEXEC,
  O_RDWR,
  openFile,
  readWholeFile,
  statDescriptor,
  status,
} from "../../../ffi/file.ts";
import { directoryEntries } from "../../../ffi/filesystem.ts";
import { cString } from "../../../ffi/memory.ts";
import {
  type DeviceNumber,
  deviceNumber,
  deviceText,
  isSameDevice,
  nodePaths,
  parseDeviceNumber,
} from "../log_device.ts";

const S_IFMT = 0o170000;
const S_IFBLK = 0o060000;
const SECTOR_BYTES = 512;
const TEXT_LIMIT_BYTES = 65_536;
const MAPPER = "/dev/mapper";

export interface BlockDevice {
  readonly fd: number;
  readonly number: DeviceNumber;
  readonly sizeBytes: number;
}

/** The text of a small file, "" when it cannot be read. */
function readText(path: string): string {
  try {
    return new TextDecoder().decode(readWholeFile(path, TEXT_LIMIT_BYTES)).trimEnd();
  } catch (error) {
    if (!(error instanceof Errno) && !(error instanceof RangeError)) throw error;
    return "";
  }
}

/** The device's size as /sys tells it; 0 when it does not. */
export function sizeOf(number: DeviceNumber): number {
  return SECTOR_BYTES * Number(readText(`/sys/dev/block/${deviceText(number)}/size`));
}

/** Whether a descriptor is a block device, whose number then is in `status`. */
function isBlockDevice(fd: number): boolean {
  return statDescriptor(fd) === 0 && (status.mode & S_IFMT) === S_IFBLK;
}

/** An open device, or −errno; EINVAL for what is no block device. */
function openPath(path: string, flags: number): BlockDevice | number {
  const fd = openFile(cString(path), flags | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  if (!isBlockDevice(fd)) {
    closeDescriptor(fd);
    return -EINVAL;
  }
  const number = deviceNumber(status.device);
  return { fd, number, sizeBytes: sizeOf(number) };
}

function mapperPaths(): string[] {
  try {
    return directoryEntries(MAPPER).map((name) => `${MAPPER}/${name}`);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return [];
  }
}

/** The original knew devices below /dev/mapper only. */
function openNumber(number: DeviceNumber, flags: number): BlockDevice | number {
  const folder = `/sys/dev/block/${deviceText(number)}`;
  const known = nodePaths(number, readText(`${folder}/dm/name`), readText(`${folder}/uevent`));
  for (const path of [...known, ...mapperPaths()]) {
    const device = openPath(path, flags);
    if (typeof device === "number") continue;
    // A link may be out of date.
    if (isSameDevice(device.number, number)) return device;
    closeDescriptor(device.fd);
  }
  return -ENOENT;
}

/** Opens `major:minor` or a path; −errno when it cannot. */
export function openBlockDevice(text: string, flags: number): BlockDevice | number {
  const number = parseDeviceNumber(text);
  return number === undefined ? openPath(text, flags) : openNumber(number, flags);
}

/** For reading and writing past every cache. */
export const DIRECT = O_RDWR | O_DIRECT;
