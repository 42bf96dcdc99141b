/** What is to be made of a soak. */
import { slope } from "./slope.ts";
import type { Outcome } from "./soak.ts";

/**
 * What the heap of V8 may gain until it has found its size. Nothing is collected of the old space before it holds some 40 of the 48 MB
 * that it may have (--max-old-space-size; seen with --trace-gc), so that it takes an hour of load, and steps of some MB, until a process
 * is as large as it ever gets: 34 MB above what it was at the start were seen, and then none.
 */
const MOST_GROWTH_KIB = 8_000;
const MOST_GROWTH_KIB_A_MINUTE = 1_000;
const LARGEST_HEAP_KIB = 36_000;
/** The control socket's clients come and go while it is looked at. */
const MOST_DESCRIPTORS = 1.5;

/** What is wrong; nothing, mostly. */
export function judge(
  { resident, residentGrowth, descriptorGrowth, passingDescriptors }: Outcome,
): string[] {
  const minutes = (resident.at(-1)?.minutes ?? 0) - (resident[0]?.minutes ?? 0);
  const allowed = MOST_GROWTH_KIB + MOST_GROWTH_KIB_A_MINUTE * minutes;
  const mostKib = Math.min(allowed, LARGEST_HEAP_KIB);
  const mostDescriptors = MOST_DESCRIPTORS + passingDescriptors;
  return [
    ...(residentGrowth > mostKib ? [`grew by ${residentGrowth.toFixed(0)} KiB`] : []),
    ...(descriptorGrowth > mostDescriptors
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
