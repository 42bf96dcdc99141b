/** From what the machine wants to what a child is asked, and from its answer to what the machine is told. */
import {
  type Action,
  type ArrayState,
  isAwaited,
  type PathEvent,
  type Target,
} from "../machine_state.ts";
import { knownOf, type Memory } from "../memory.ts";
import { conditionOf, isMultipath, workingPaths } from "../paths.ts";
import type { Answer, ArrayRef, DeviceRef, Job } from "../tester_protocol.ts";
import { numberOf } from "./hardware.ts";

/** As many working paths are compared with; the first that answers counts. */
const REFERENCES_MAX = 2;

function arrayRef({ sight }: ArrayState): ArrayRef {
  const { name, uuid, personality, metadata, raidDisks } = sight;
  return { name, uuid, personality, metadata, raidDisks };
}

/** Working paths, those that answer first. */
function referencesFor(array: ArrayState, path: string): DeviceRef[] {
  const isSuspect = (name: string): number =>
    array.paths.get(name)?.suspectMs === undefined ? 0 : 1;
  return workingPaths(array.sight).filter(({ name, gone }) => name !== path && !gone)
    .sort((a, b) => isSuspect(a.name) - isSuspect(b.name))
    .slice(0, REFERENCES_MAX)
    .map(({ name, device }) => ({ name, device }));
}

/** Every working member is read, but of a multipath array the one path that is in use: they all lead to the same superblock. */
export function learnJob(array: ArrayState, id: number): Job {
  const working = workingPaths(array.sight).filter(({ gone }) => !gone);
  const read = isMultipath(array.sight) ? working.slice(0, 1) : working;
  const references = read.map(({ name, device }) => ({ name, device }));
  return { kind: "learn", id, array: arrayRef(array), references };
}

/** The device behind a target: the one the array lists, or the one that was found in its place. */
function deviceFor(array: ArrayState, listedAs: string, found: string | undefined): DeviceRef {
  const name = found ?? listedAs;
  const listed = array.sight.paths.find((path) => path.name === name);
  return { name, device: listed?.device || numberOf(name) || "" };
}

/** Of a multipath array, md writes one superblock, through the path that it lists first, and none while that one is faulty. */
function isMarkable({ sight }: ArrayState, path: string): boolean {
  const { personality, metadata, state } = sight;
  const first = sight.paths.find(({ name }) => name !== path);
  const isWritten = ["clean", "active", "active-idle", "write-pending"].includes(state);
  return isMultipath({ personality }) && metadata !== "none" && isWritten &&
    first !== undefined && !first.gone && conditionOf(first) === "working";
}

export function pathJob(
  action: Extract<Action, { type: "probe" | "restore" }>,
  array: ArrayState,
  memory: Memory,
  id: number,
): Job {
  const { path } = action.target;
  const remembered = memory.get(array.sight.uuid);
  const state = array.paths.get(path);
  const common = {
    id,
    array: arrayRef(array),
    references: referencesFor(array, path),
    known: knownOf(remembered, path, isMultipath(array.sight)),
    lastEvents: remembered?.lastEvents,
    listedAs: path,
    markable: isMarkable(array, path),
    awaited: state !== undefined && isAwaited(state),
  };
  if (action.type === "restore") {
    return { ...common, kind: "restore", path: deviceFor(array, path, action.device) };
  }
  if (action.search) return { ...common, kind: "search" };
  const device = deviceFor(array, path, undefined);
  return { ...common, kind: action.inUse ? "check" : "test", path: device };
}

/** What an answer is to the machine. */
export function eventOf(
  { type, reason = "", name, unbound, untested }: Answer,
): PathEvent | undefined {
  if (type === "learned") return undefined;
  if (type === "proven" || type === "restored") {
    return name === undefined ? { type } : { type, name };
  }
  const more = { ...(unbound === undefined ? {} : { unbound }) };
  return untested ? { type: "hung", reason, untested, ...more } : { type, reason, ...more };
}

export interface Waiting {
  readonly target: Target | undefined;
  /** The array's uuid, for what is learned. */
  readonly uuid: string;
}
