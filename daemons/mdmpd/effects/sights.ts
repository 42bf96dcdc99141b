/** Arrays as sysfs has them, the names being taken from /proc/mdstat. */
import type { MdstatArray } from "../mdstat.ts";
import type { ArraySight, PathSight } from "../paths.ts";
import { diskSequenceOf } from "./hardware.ts";
import { isThere, readAttribute, readNumber } from "./sysfs.ts";

/** The folder of an array's attributes. */
export function arrayFolder(name: string): string {
  return `/sys/block/${name}/md`;
}

/** The folder of a path's attributes. */
export function pathFolder(array: string, path: string): string {
  return `${arrayFolder(array)}/dev-${path}`;
}

/** As ArraySight has it; md/uuid is a file since Linux 5.10. */
export function uuidOf(name: string): string {
  const text = readAttribute(`${arrayFolder(name)}/uuid`) ?? "";
  return text === "" ? `of ${name}` : text.replaceAll("-", "").toLowerCase();
}

/** sysfs has `!` where a name has `/`. */
function sysfsName(device: string): string {
  return device.replaceAll("/", "!");
}

/** A path that the array lists; undefined when it has left it in between. */
export function readPath(array: string, device: string): PathSight | undefined {
  const name = sysfsName(device);
  const folder = pathFolder(array, name);
  const state = readAttribute(`${folder}/state`);
  if (state === undefined) return undefined;
  const words = state.split(",");
  const number = readAttribute(`${folder}/block/dev`);
  return {
    name,
    faulty: words.includes("faulty"),
    inSync: words.includes("in_sync"),
    slot: readNumber(`${folder}/slot`),
    gone: number === undefined,
    device: number ?? "",
    diskSequence: number === undefined ? undefined : diskSequenceOf(name),
  };
}

/** Undefined for an array that is not there any more. */
export function readArray(hint: MdstatArray): ArraySight | undefined {
  const folder = arrayFolder(hint.name);
  const personality = readAttribute(`${folder}/level`);
  const state = readAttribute(`${folder}/array_state`);
  if (personality === undefined || state === undefined) return undefined;
  const bitmap = readAttribute(`${folder}/bitmap/location`);
  const sync = readAttribute(`${folder}/sync_action`) ?? "idle";
  return {
    name: hint.name,
    uuid: uuidOf(hint.name),
    personality,
    raidDisks: readNumber(`${folder}/raid_disks`) ?? 0,
    metadata: readAttribute(`${folder}/metadata_version`) ?? "",
    state,
    hasBitmap: bitmap !== undefined && bitmap !== "none" && bitmap !== "",
    syncing: sync !== "idle" || hint.sync !== undefined,
    paths: hint.members.flatMap(({ device }) => readPath(hint.name, device) ?? []),
  };
}

/** Whether this very disk is still in the system. */
export function isDiskThere(device: string, diskSequence: number | undefined): boolean {
  const folder = `/sys/dev/block/${device}`;
  if (device === "" || !isThere(folder)) return false;
  const now = readNumber(`${folder}/diskseq`) ?? readNumber(`${folder}/../diskseq`);
  return now === diskSequence;
}
