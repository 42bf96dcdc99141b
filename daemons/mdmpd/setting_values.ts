/** The values of settings, from the command line or the configuration file: what each may be, and what follows from it. Pure. */
import type { Policy } from "./backoff.ts";
import {
  DEFAULT_INTERVAL_S,
  DEFAULT_OPERATOR_HOLD_S,
  DEFAULT_PROBE_TIMEOUT_S,
  DEFAULT_STANDBY_INTERVAL_S,
  INTERVAL_MAX_S,
  INTERVAL_MIN_S,
  PROBE_TIMEOUT_MAX_S,
} from "./limits.ts";

export const PERSONALITIES = ["multipath", "raid1", "raid10", "raid4", "raid5", "raid6"] as const;

/** operator_hold in the configuration: a path that was failed by hand stays out for good. */
export const HOLD_FOR_EVER = 4_294_967_295;

/** What is wrong with a value, or undefined. Keys are those of the manifest. */
export function settingProblem(key: string, value: number | string): string | undefined {
  switch (key) {
    case "interval":
    case "standby_interval":
      return inRange(value, INTERVAL_MIN_S, INTERVAL_MAX_S);
    case "probe_timeout":
      return inRange(value, 1, PROBE_TIMEOUT_MAX_S);
    case "check_standby":
      return inRange(value, 0, 1);
    case "log_level":
      return inRange(value, 1, 4);
    case "personality":
      return personalityProblem(String(value));
    case "program":
      return value === "" || String(value).startsWith("/") ? undefined : "not an absolute path";
    default:
      return undefined;
  }
}

function inRange(value: number | string, min: number, max: number): string | undefined {
  const number = Number(value);
  const isGood = /^\d+$/.test(String(value)) && number >= min && number <= max;
  return isGood ? undefined : `"${value}" is not between ${min} and ${max}`;
}

function personalityProblem(text: string): string | undefined {
  const wrong = splitPersonalities(text).find((name) =>
    !(PERSONALITIES as readonly string[]).includes(name)
  );
  return wrong === undefined ? undefined : `"${wrong}" is none of ${PERSONALITIES.join(", ")}`;
}

/** `multipath,raid1` */
export function splitPersonalities(text: string): string[] {
  return text.split(",").map((name) => name.trim()).filter((name) => name !== "");
}

/** The settings that are given, in the units of the command line and the file. */
export interface GivenSettings {
  readonly interval?: number;
  readonly probe_timeout?: number;
  readonly operator_hold?: number;
  readonly check_standby?: number;
  readonly standby_interval?: number;
}

export function policyFrom(given: GivenSettings, dryRun: boolean): Policy {
  const hold = given.operator_hold ?? DEFAULT_OPERATOR_HOLD_S;
  const standby = (given.standby_interval ?? DEFAULT_STANDBY_INTERVAL_S) * 1000;
  return {
    intervalMs: (given.interval ?? DEFAULT_INTERVAL_S) * 1000,
    operatorHoldMs: hold === HOLD_FOR_EVER ? Infinity : hold * 1000,
    standbyIntervalMs: given.check_standby === 1 ? standby : 0,
    dryRun,
  };
}

export function probeTimeoutMs(given: GivenSettings): number {
  return (given.probe_timeout ?? DEFAULT_PROBE_TIMEOUT_S) * 1000;
}
