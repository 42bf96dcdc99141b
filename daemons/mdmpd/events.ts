/** What the daemon reports: the names that `mdadm --monitor` gives to its program where it has one, and ours for the rest. Pure. */

export interface EventSpec {
  readonly name: string;
  readonly meaning: string;
  /** Of the log: libvirt's numbers, 2 info, 3 warning, 4 error. */
  readonly priority: 2 | 3 | 4;
}

export const EVENTS = [
  { name: "NewArray", meaning: "An array has appeared.", priority: 2 },
  { name: "DeviceDisappeared", meaning: "An array has gone.", priority: 3 },
  { name: "DegradedArray", meaning: "An array was found with a slot empty.", priority: 3 },
  { name: "Fail", meaning: "The kernel gave up a path.", priority: 4 },
  { name: "SpareActive", meaning: "A path is in use again.", priority: 2 },
  {
    name: "PathProbeFailed",
    meaning: "A failed path was tested and is still dead: said at the 1st, 10th, 100th … test.",
    priority: 3,
  },
  {
    name: "PathRefused",
    meaning:
      "A device that answers in a failed path's place is not proven to be it, and is left alone.",
    priority: 4,
  },
  {
    name: "PathHeld",
    meaning: "A path works and is proven, but is kept waiting: it flaps, or an operator failed it.",
    priority: 3,
  },
  { name: "PathFlapping", meaning: "A path failed again soon after its return.", priority: 3 },
  {
    name: "PathRemoved",
    meaning: "A path was removed by hand; it is not looked after any more.",
    priority: 2,
  },
  { name: "PathLost", meaning: "The device of a path has left the system.", priority: 3 },
  {
    name: "LastPathSuspect",
    meaning: "The only path that an array has left does not answer. The kernel never says so.",
    priority: 4,
  },
  {
    name: "StandbyFailed",
    meaning: "A path that is not in use does not answer: with check_standby.",
    priority: 3,
  },
  {
    name: "PathAnswers",
    meaning: "A path in the array that had not answered does so again.",
    priority: 2,
  },
  { name: "RestoreFailed", meaning: "A proven path could not be put back.", priority: 4 },
] as const satisfies readonly EventSpec[];

export type EventName = typeof EVENTS[number]["name"];

const PRIORITIES: ReadonlyMap<string, 2 | 3 | 4> = new Map(
  EVENTS.map(({ name, priority }) => [name, priority]),
);

export function priorityOf(event: EventName): 2 | 3 | 4 {
  return PRIORITIES.get(event) ?? 3;
}
