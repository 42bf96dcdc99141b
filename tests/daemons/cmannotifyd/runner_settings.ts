/** What a runner is told first, for tests to which most of it does not matter. */
import type { RunnerSettings } from "../../../daemons/cmannotifyd/runner_protocol.ts";

export const SETTINGS: RunnerSettings = {
  type: "settings",
  directory: "/d",
  eventDirectories: true,
  substitutes: ["/no/such/cman_notify"],
  lockFile: "/k",
  logFile: "/l",
  debug: false,
  timeoutMs: 0,
  realtime: false,
  protectFromOom: false,
};
