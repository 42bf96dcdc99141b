/** Logs to a standard error that nobody reads, then says on standard output how many messages were dropped. */
import { droppedMessages, logger, startLogging } from "../../../src/host/log.ts";

startLogging({
  identifier: "flood",
  level: 2,
  filters: [],
  outputs: [{ level: 2, destination: "stderr" }],
  banner: () => [],
});
const log = logger("flood");
for (let i = 0; i < 10_000; i++) log.info("message number {i} of many that nobody reads", { i });
console.log(droppedMessages());
