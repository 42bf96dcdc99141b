/** Events on their way to the log, with array and device as fields, and to the event program. */
import { type Logger, logger } from "../../../src/host/log.ts";
import { type EventName, EVENTS, priorityOf } from "../events.ts";
import type { Action } from "../machine_state.ts";
import { nodeOf } from "../paths.ts";
import type { Hook } from "./hook.ts";

export class Reporter {
  readonly #log: Logger = logger("mdmpd", "event");
  readonly counts = new Map<EventName, number>(EVENTS.map(({ name }) => [name, 0]));

  constructor(private readonly hook: Hook | undefined) {}

  report({ event, array, path, text }: Extract<Action, { type: "report" }>): void {
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1);
    const device = path === undefined ? "" : nodeOf(path);
    const fields = { EVENT: event, ARRAY: nodeOf(array), DEVICE: device, text };
    const words = path === undefined
      ? "{EVENT} {ARRAY}: {text}"
      : "{EVENT} {ARRAY} {DEVICE}: {text}";
    const priority = priorityOf(event);
    if (priority === 4) this.#log.error(words, fields);
    else if (priority === 3) this.#log.warn(words, fields);
    else this.#log.info(words, fields);
    this.hook?.tell(event, nodeOf(array), device);
  }
}
