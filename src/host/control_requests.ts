/** The control requests that every daemon answers alike. */
import { ControlError, type ControlRequest, type ControlRequests } from "./control.ts";
import { currentLevel, droppedMessages, type LogPriority, setLogLevel } from "./log.ts";
import type { Metrics } from "./metrics.ts";

function parseLevel(word: string): LogPriority {
  if (!/^[1-4]$/.test(word)) {
    throw new ControlError(`log level "${word}" is none of 1 debug, 2 info, 3 warning, 4 error`);
  }
  return Number(word) as LogPriority;
}

const loglevel: ControlRequest = {
  usage: "[LEVEL]",
  help: "the lowest priority that is logged, or sets it: 1 debug, 2 info, 3 warning, 4 error",
  answer(words): string {
    if (words.length > 1) throw new ControlError("too many words: loglevel [LEVEL]");
    if (words.length === 1) setLogLevel(parseLevel(words[0]));
    return `${currentLevel()}\n`;
  },
};

/** Adds the log's own counter. */
function withLog(metrics: Metrics): Metrics {
  const help = "Log messages that no output could take";
  metrics.gauge("log_messages_dropped", { help }, droppedMessages);
  return metrics;
}

/** `metrics` and `loglevel`. `makeMetrics` is called once, when somebody asks for the first time. */
export function commonRequests(makeMetrics: () => Metrics): ControlRequests {
  let metrics: Metrics | undefined;
  return {
    metrics: {
      usage: "",
      help: "counters in the OpenMetrics text format",
      answer: (): string => (metrics ??= withLog(makeMetrics())).text(),
    },
    loglevel,
  };
}
