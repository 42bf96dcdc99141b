/** What a change of the regions may lack. */
import { StatsError } from "./stats_device.ts";

/** Why regions that are wanted are not there: too many, no kernel memory, a descriptor too long, no id to be had. */
export type Shortage = "regions" | "memory" | "descriptor" | "ids";

/** Errors that leave the group as it is; others are thrown on. */
export function shortageOf(error: unknown): Shortage {
  if (error instanceof StatsError && error.kind === "memory") return "memory";
  if (error instanceof StatsError && error.kind === "refused") return "ids";
  throw error;
}
