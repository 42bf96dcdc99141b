/** Which block device a log is on, and whether it has room. Pure. */
import type { ByteString } from "../../src/wire/bytes.ts";
import { BITMAP_AT } from "./disk_log.ts";
import { packedBytes } from "./bitmap.ts";

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** `major:minor`, or undefined: then it is a path. */
export function parseDeviceNumber(text: ByteString): DeviceNumber | undefined {
  const match = /^(\d{1,4}):(\d{1,7})$/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** From st_rdev, as new_encode_dev() of linux/kdev_t.h puts it together. */
export function deviceNumber(device: number): DeviceNumber {
  return { major: device >>> 8 & 0xfff, minor: (device & 0xff) | (device >>> 12 & 0xfff00) };
}

export function deviceText({ major, minor }: DeviceNumber): string {
  return `${major}:${minor}`;
}

export function isSameDevice(a: DeviceNumber, b: DeviceNumber): boolean {
  return a.major === b.major && a.minor === b.minor;
}

/** Where a device may have its node: udev's link, device-mapper's name, the kernel's own name. `uevent`: of /sys/dev/block. */
export function nodePaths(number: DeviceNumber, mapperName: string, uevent: string): string[] {
  const name = /^DEVNAME=(.+)$/m.exec(uevent)?.[1];
  return [
    `/dev/block/${deviceText(number)}`,
    ...(mapperName === "" ? [] : [`/dev/mapper/${mapperName}`]),
    ...(name === undefined ? [] : [`/dev/${name}`]),
  ];
}

/** The bytes that a log of so many regions uses: a device may be as short as that, in whole logical blocks. */
export function neededBytes(regionCount: number): number {
  return BITMAP_AT + packedBytes(regionCount);
}
