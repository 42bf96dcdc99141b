/** What is to be made of a soak. */
import { slope } from "./slope.ts";
import type { Outcome } from "./soak.ts";

/** What the heap of V8 may gain until it has found its size, however long that takes; and then a page now and then. */
const MOST_GROWTH_KIB = 8_000;
/** The control socket's clients come and go while it is looked at. */
const MOST_DESCRIPTORS = 1.5;

/** What is wrong; nothing, mostly. */
export function judge({ residentGrowth, descriptorGrowth }: Outcome): string[] {
  return [
    ...(residentGrowth > MOST_GROWTH_KIB ? [`grew by ${residentGrowth.toFixed(0)} KiB`] : []),
    ...(descriptorGrowth > MOST_DESCRIPTORS
      ? [`keeps ${descriptorGrowth.toFixed(1)} descriptors`]
      : []),
  ];
}

/** One line. */
export function shown(outcome: Outcome): string {
  const { name, kills, turns, resident, descriptors, isCapped } = outcome;
  const perMinute = (value: number): string => `${value.toFixed(1)} a minute`;
  const last = (samples: Outcome["resident"]): number => samples.at(-1)?.value ?? 0;
  return [
    `${name}: ${kills} kills, ${turns} turns`,
    `${last(resident)} KiB of its own resident, ${perMinute(slope(resident))}`,
    `${last(descriptors)} descriptors, ${perMinute(slope(descriptors))}`,
    isCapped ? "memory capped" : "memory not capped: no control group can be made here",
  ].join("; ");
}
