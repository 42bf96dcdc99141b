/**
 * What the daemon remembers of arrays and their paths from when they worked, and over its own end: a path that has failed cannot be
 * asked any more who it was. Pure.
 */
import * as v from "valibot";
import type { Hardware, Known } from "./identity.ts";
import { isAwaited, isOut, type PathState } from "./machine_state.ts";
import { isUuid } from "./paths.ts";
import type { Learned } from "./tester_protocol.ts";

export interface PathMemory {
  hardware: Hardware;
  deviceUuid: string | undefined;
  role: number | undefined;
  /** `MAJOR:MINOR`, and which disk since boot has had it. */
  device: string;
  diskSequence: number | undefined;
  /** A test of it failed since it last worked. */
  faultSeen: boolean;
  /** It was waited for though the array may not list it: it was being put back, or its device had left. */
  awaited: boolean;
}

export interface ArrayMemory {
  /** The count of events last read through a working path. */
  lastEvents: number | undefined;
  readonly paths: Map<string, PathMemory>;
}

/** By array uuid: names change. */
export type Memory = Map<string, ArrayMemory>;

const hardware = v.object({
  sectors: v.number(),
  readOnly: v.boolean(),
  names: v.array(v.string()),
});
const path = v.object({
  hardware,
  deviceUuid: v.optional(v.string()),
  role: v.optional(v.number()),
  device: v.string(),
  diskSequence: v.optional(v.number()),
  faultSeen: v.boolean(),
  // Not in older files.
  awaited: v.optional(v.boolean(), false),
});
const schema = v.object({
  version: v.literal(1),
  arrays: v.record(
    v.string(),
    v.object({ lastEvents: v.optional(v.number()), paths: v.record(v.string(), path) }),
  ),
});

/** The text of the state file. */
export function encodeMemory(memory: Memory): string {
  const arrays = [...memory].map(([uuid, { lastEvents, paths }]) => [
    uuid,
    { lastEvents, paths: Object.fromEntries(paths) },
  ]);
  return JSON.stringify({ version: 1, arrays: Object.fromEntries(arrays) });
}

/** What such a text says. Throws SyntaxError or v.ValiError for one that is damaged. */
export function decodeMemory(text: string): Memory {
  const { arrays } = v.parse(schema, JSON.parse(text));
  return new Map(
    Object.entries(arrays).map(([uuid, { lastEvents, paths }]) => {
      const entries = Object.entries(paths).map(([name, it]): [string, PathMemory] => [name, {
        ...it,
        deviceUuid: it.deviceUuid,
        role: it.role,
        diskSequence: it.diskSequence,
      }]);
      return [uuid, { lastEvents, paths: new Map(entries) }];
    }),
  );
}

export function arrayMemory(memory: Memory, uuid: string): ArrayMemory {
  const known = memory.get(uuid);
  if (known !== undefined) return known;
  const fresh: ArrayMemory = { lastEvents: undefined, paths: new Map() };
  memory.set(uuid, fresh);
  return fresh;
}

/**
 * Takes note of a path that works. Its hardware stays what it was at first sight as long as the device is the same: a path whose way
 * was changed under it while it idles must not be believed. Names may still come to one that had none.
 */
export function rememberPath(
  { paths }: ArrayMemory,
  name: string,
  seen: Pick<PathMemory, "hardware" | "device" | "diskSequence">,
): void {
  const known = paths.get(name);
  if (known?.device !== seen.device || known.diskSequence !== seen.diskSequence) {
    const fresh = { deviceUuid: undefined, role: undefined, faultSeen: false, awaited: false };
    paths.set(name, { ...seen, ...fresh });
    return;
  }
  known.faultSeen = false;
  known.awaited = false;
  const { hardware } = known;
  const isFirstName = hardware.names.length === 0 && hardware.sectors === seen.hardware.sectors;
  if (isFirstName) known.hardware = seen.hardware;
}

/**
 * Takes note, for the next run of the daemon, of the paths that are out: of whether their faults were seen, and of those that the array
 * may not list. Any other that is not listed then was removed by an operator, who would not have it come back with the next daemon.
 */
export function rememberOut(
  { paths }: ArrayMemory,
  states: ReadonlyMap<string, Pick<PathState, "phase" | "faultSeen" | "unbound" | "lost">>,
): void {
  for (const [name, path] of paths) {
    const state = states.get(name);
    const out = state !== undefined && isOut(state) ? state : undefined;
    path.faultSeen = out?.faultSeen ?? false;
    path.awaited = out !== undefined && (out.phase === "restoring" || isAwaited(out));
  }
}

/** Forgets arrays that have gone and had no uuid: their name may be another's by the next time. */
export function forgetNameless(memory: Memory, present: ReadonlySet<string>): void {
  for (const key of memory.keys()) if (!isUuid(key) && !present.has(key)) memory.delete(key);
}

/**
 * Takes note of superblocks that were read. All paths of a multipath array lead to the one that was: what another of them showed once may
 * be written over by now, since md writes it with the uuid of the path that it lists first.
 */
export function rememberLearned(
  array: ArrayMemory,
  learned: readonly Learned[],
  isMultipath: boolean,
): void {
  for (const { name, deviceUuid, role, events } of learned) {
    array.lastEvents = Math.max(array.lastEvents ?? 0, events);
    if (isMultipath) { for (const path of array.paths.values()) path.deviceUuid = deviceUuid; }
    const path = array.paths.get(name);
    if (path === undefined) continue;
    path.deviceUuid = deviceUuid;
    path.role = role;
  }
}

/** What identity.ts is told. Every path of a multipath array has the same device's uuid. */
export function knownOf(
  array: ArrayMemory | undefined,
  name: string,
  isMultipath: boolean,
): Known | undefined {
  const path = array?.paths.get(name);
  if (array === undefined || path === undefined) return undefined;
  const any = [...array.paths.values()].find(({ deviceUuid }) => deviceUuid !== undefined);
  const deviceUuid = path.deviceUuid ?? (isMultipath ? any?.deviceUuid : undefined);
  return { hardware: path.hardware, deviceUuid, role: isMultipath ? undefined : path.role };
}
