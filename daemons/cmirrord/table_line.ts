/** The device-mapper table of a mirror, checked for what the kernel and the log need. Pure. */
import { MAX_REGIONS, MAX_REQUEST_DATA_BYTES, PAGE_SECTORS } from "./limits.ts";
import { neededBytes } from "./log_device.ts";
import { UUID_BYTES } from "./ulog.ts";

export interface Leg {
  /** As it is to stand in the table. */
  readonly device: string;
  readonly offsetSectors: number;
  /** Behind the offset. */
  readonly sizeSectors: number;
}

export interface MirrorPlan {
  readonly uuid: string;
  readonly legs: readonly Leg[];
  /** undefined for a log in memory. */
  readonly log: { readonly device: string; readonly sizeBytes: number } | undefined;
  readonly regionSectors: number;
  /** undefined: as long as the shortest leg. */
  readonly lengthSectors: number | undefined;
  readonly sync: "default" | "sync" | "nosync";
  readonly handleErrors: boolean;
  /**
   * Marks go inside FLUSH (version 3 of dm-log-userspace): a request less for each write, and one less behind each CLEAR. The C daemon
   * fails such a FLUSH.
   */
  readonly integratedFlush: boolean;
}

function isPowerOfTwo(number: number): boolean {
  return number > 0 && Number.isInteger(Math.log2(number));
}

/** How long the mirror is. */
function lengthOf({ legs, lengthSectors }: MirrorPlan): number {
  return lengthSectors ?? Math.min(...legs.map(({ sizeSectors }) => sizeSectors));
}

/** All that is wrong with a plan, in words; nothing for a table that the kernel and every daemon take. */
export function planProblems(plan: MirrorPlan): string[] {
  return [
    ...nameProblems(plan),
    ...legProblems(plan),
    ...regionProblems(plan),
    ...logProblems(plan),
  ];
}

function nameProblems({ uuid }: MirrorPlan): string[] {
  if (uuid === "") return ["no --uuid: it names the mirror in the cluster, the same on every node"];
  if (!/^[!-~]+$/.test(uuid)) return [`uuid "${uuid}" has a character that is not printable ASCII`];
  return uuid.length < UUID_BYTES ? [] : [`uuid "${uuid}" is longer than ${UUID_BYTES - 1} bytes`];
}

function legProblems(plan: MirrorPlan): string[] {
  const { legs } = plan;
  if (legs.length < 2) return [`${legs.length} legs: a mirror has two or more`];
  const names = new Set(legs.map(({ device, offsetSectors }) => `${device} ${offsetSectors}`));
  const length = lengthOf(plan);
  return [
    ...(names.size < legs.length ? ["a leg is named twice"] : []),
    ...(length > 0 ? [] : ["the mirror has no length"]),
    ...legs.filter(({ sizeSectors }) => sizeSectors < length)
      .map(({ device, sizeSectors }) => `"${device}" has ${sizeSectors} sectors, of ${length}`),
  ];
}

function regionProblems(plan: MirrorPlan): string[] {
  const { regionSectors } = plan;
  const length = lengthOf(plan);
  const isGood = isPowerOfTwo(regionSectors) && regionSectors >= PAGE_SECTORS &&
    regionSectors <= length;
  if (!isGood) {
    return [
      `a region of ${regionSectors} sectors: the kernel takes powers of two from ${PAGE_SECTORS} to the mirror's length`,
    ];
  }
  const count = Math.ceil(length / regionSectors);
  return count <= MAX_REGIONS ? [] : [`${count} regions, of at most ${MAX_REGIONS}`];
}

function logProblems(plan: MirrorPlan): string[] {
  const { log, regionSectors } = plan;
  const words = `${lengthOf(plan)} ${logWords(plan).join(" ")}`;
  if (words.length > MAX_REQUEST_DATA_BYTES) return ["the log's words are too long for the kernel"];
  if (log === undefined || !(regionSectors > 0)) return [];
  const needed = neededBytes(Math.ceil(lengthOf(plan) / regionSectors));
  return log.sizeBytes >= needed
    ? []
    : [`log device "${log.device}" has ${log.sizeBytes} bytes, of ${needed}`];
}

function logWords({ log, regionSectors, sync }: MirrorPlan): string[] {
  return [
    ...(log === undefined ? ["clustered-core"] : ["clustered-disk", log.device]),
    String(regionSectors),
    ...(sync === "default" ? [] : [sync]),
  ];
}

/** The line for dmsetup create or reload; only for a plan without problems. */
export function tableLine(plan: MirrorPlan): string {
  const { uuid, legs, handleErrors, integratedFlush } = plan;
  const words = [uuid, ...(integratedFlush ? ["integrated_flush"] : []), ...logWords(plan)];
  return [
    ...[0, lengthOf(plan), "mirror", "userspace", words.length, ...words],
    ...[legs.length, ...legs.flatMap(({ device, offsetSectors }) => [device, offsetSectors])],
    ...(handleErrors ? [1, "handle_errors"] : []),
  ].join(" ");
}
