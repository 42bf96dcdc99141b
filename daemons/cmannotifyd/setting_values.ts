/** The values of settings: what each may be, and what follows from it. Pure. */
import { DEFAULT_QUEUE_LIMIT, QUEUE_LIMIT_MOST, TIMEOUT_MOST_S } from "./limits.ts";
import type { Policy } from "./machine_state.ts";
import { DAEMON_LOG, SCRIPT_DIRECTORY, SCRIPT_LOG } from "./places.ts";

/** The keys of the configuration file, where it has them. */
export interface Config {
  readonly debug?: number;
  readonly to_logfile?: number;
  readonly to_syslog?: number;
  readonly logfile?: string;
  readonly script_logfile?: string;
  readonly script_directory?: string;
  readonly event_directories?: number;
  readonly extra_variables?: number;
  readonly json_on_stdin?: number;
  readonly script_timeout?: number;
  readonly start_notifications?: number;
  readonly start_attempts?: number;
  readonly queue_limit?: number;
  readonly protect_from_oom?: number;
}

/** What the daemon goes by. */
export interface Values {
  readonly debug: boolean;
  readonly toLogfile: boolean;
  readonly toSyslog: boolean;
  readonly logfile: string;
  readonly scriptLogfile: string;
  readonly scriptDirectory: string;
  readonly eventDirectories: boolean;
  readonly extraVariables: boolean;
  readonly jsonOnStdin: boolean;
  readonly timeoutMs: number;
  readonly policy: Policy;
  readonly queueLimit: number;
  readonly protectFromOom: boolean;
}

const SWITCHES: ReadonlySet<string> = new Set([
  "debug",
  "to_logfile",
  "to_syslog",
  "event_directories",
  "extra_variables",
  "json_on_stdin",
  "start_notifications",
  "protect_from_oom",
]);

/** Smallest and largest of the numbers that are no switches. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  script_timeout: [0, TIMEOUT_MOST_S],
  start_attempts: [0, 1_000_000],
  queue_limit: [1, QUEUE_LIMIT_MOST],
};

/** What is wrong with a value of the right type, or undefined. */
export function settingProblem(key: string, value: number | string): string | undefined {
  if (typeof value === "string") {
    return value.startsWith("/") ? undefined : `"${value}" is no absolute path`;
  }
  if (SWITCHES.has(key)) return value <= 1 ? undefined : `${value} is neither 0 nor 1`;
  if (!Object.hasOwn(RANGES, key)) return undefined;
  const [least, most] = RANGES[key];
  return value >= least && value <= most ? undefined : `${value} is not from ${least} to ${most}`;
}

/** `debug`: whether the command line or the environment asks for it. */
export function valuesFrom(config: Config, debug: boolean): Values {
  return {
    debug: debug || config.debug === 1,
    toLogfile: config.to_logfile !== 0,
    toSyslog: config.to_syslog !== 0,
    logfile: config.logfile ?? DAEMON_LOG,
    scriptLogfile: config.script_logfile ?? SCRIPT_LOG,
    scriptDirectory: config.script_directory ?? SCRIPT_DIRECTORY,
    eventDirectories: config.event_directories === 1,
    extraVariables: config.extra_variables === 1,
    jsonOnStdin: config.json_on_stdin === 1,
    timeoutMs: (config.script_timeout ?? 0) * 1_000,
    policy: {
      startPair: config.start_notifications !== 0,
      startAttempts: config.start_attempts ?? 0,
    },
    queueLimit: config.queue_limit ?? DEFAULT_QUEUE_LIMIT,
    protectFromOom: config.protect_from_oom === 1,
  };
}
