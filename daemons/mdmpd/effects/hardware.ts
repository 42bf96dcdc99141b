/** What sysfs tells of a block device without reading it: size, protection, and what the disks below it call themselves. */
import { directoryEntries } from "../../../ffi/filesystem.ts";
import { Errno } from "../../../ffi/errno.ts";
import type { Hardware } from "../identity.ts";
import { isExhausted, isThere, readAttribute, readNumber } from "./sysfs.ts";

const CLASS = "/sys/class/block";
/** Device-mapper and md stack devices; loops are impossible, and so is such a height. */
const DEPTH_MAX = 16;

/** The entries of a directory; none where it is not there. Throws Errno of the kind isExhausted(). */
export function entriesOf(path: string): string[] {
  try {
    return directoryEntries(path);
  } catch (error) {
    if (error instanceof Errno && !isExhausted(error)) return [];
    throw error;
  }
}

/** A disk's own names, best first. A loop device is called what its file is. */
function diskNames(folder: string): string[] {
  const name = (kind: string, file: string): string[] => {
    const text = readAttribute(`${folder}/${file}`);
    return text === undefined || text === "" ? [] : [`${kind}:${text.replace(/\s+/g, " ")}`];
  };
  return [
    ...[...name("wwid", "device/wwid"), ...name("wwid", "wwid")].slice(0, 1),
    ...[...name("serial", "device/serial"), ...name("serial", "serial")].slice(0, 1),
    ...name("file", "loop/backing_file"),
    ...name("dm", "dm/uuid"),
  ];
}

function namesBelow(folder: string, depth: number): string[] {
  if (depth > DEPTH_MAX) return [];
  const partition = readAttribute(`${folder}/partition`);
  if (partition !== undefined) {
    return [`part:${readAttribute(`${folder}/start`)}`, ...namesBelow(`${folder}/..`, depth + 1)];
  }
  const slaves = entriesOf(`${folder}/slaves`);
  return [
    ...diskNames(folder),
    ...slaves.flatMap((slave) => namesBelow(`${CLASS}/${slave}`, depth + 1)),
  ];
}

/** By the kernel's name, `!` for `/`; undefined where there is no such device. */
export function hardwareOf(name: string): Hardware | undefined {
  const folder = `${CLASS}/${name}`;
  const sectors = readNumber(`${folder}/size`);
  if (sectors === undefined) return undefined;
  const readOnly = readNumber(`${folder}/ro`) === 1;
  return { sectors, readOnly, names: [...new Set(namesBelow(folder, 0))].sort() };
}

/** Which disk since boot this is; a partition is its disk's. Undefined before Linux 5.15. */
export function diskSequenceOf(name: string): number | undefined {
  const folder = `${CLASS}/${name}`;
  return readNumber(`${folder}/diskseq`) ?? readNumber(`${folder}/../diskseq`);
}

/** `MAJOR:MINOR` of a device, or undefined. */
export function numberOf(name: string): string | undefined {
  return readAttribute(`${CLASS}/${name}/dev`);
}

/** Why SCSI says that a disk is out of service, if it does: open(2) or a read would fail or wait. */
export function offlineReason(name: string): string | undefined {
  const state = readAttribute(`${CLASS}/${name}/device/state`);
  const isScsi = isThere(`${CLASS}/${name}/device/scsi_device`);
  return isScsi && state !== "running" ? `SCSI state ${state}` : undefined;
}

/** Every block device of the system. */
export function allDevices(): string[] {
  return entriesOf(CLASS);
}

/** Whether something is built on the device already. */
export function hasHolders(name: string): boolean {
  return entriesOf(`${CLASS}/${name}/holders`).length > 0;
}
