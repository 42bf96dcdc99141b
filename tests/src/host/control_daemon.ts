/** A daemon with a control socket and little else, for control.test.ts. Serves until its standard input ends. */
import { ControlError, ControlSocket } from "../../../src/host/control.ts";
import { commonRequests } from "../../../src/host/control_requests.ts";
import { logger, startLogging } from "../../../src/host/log.ts";
import { Metrics } from "../../../src/host/metrics.ts";
import { EPOLLIN, Reactor } from "../../../src/host/reactor.ts";

const [socket, log] = Deno.args;
startLogging({
  identifier: "x",
  level: 3,
  filters: [],
  outputs: [{ level: 3, destination: "file", argument: log }],
  banner: () => [],
});
const reactor = new Reactor();
const metrics = new Metrics("x");
metrics.counter("answers", { help: "Answers" });

const control = new ControlSocket(reactor, socket, {
  ...commonRequests(() => metrics),
  echo: {
    usage: "WORD…",
    help: "says the words",
    answer: (words): string => {
      if (words.length === 0) throw new ControlError("echo wants words");
      return words.join(" ");
    },
  },
  large: {
    usage: "BYTES",
    help: "much text",
    answer: ([bytes]): string => "x".repeat(Number(bytes)),
  },
  broken: {
    usage: "",
    help: "fails",
    answer: (): string => {
      throw new Error("out of order");
    },
  },
  note: {
    usage: "",
    help: "logs a debug message",
    answer: (): string => {
      logger("x").debug("noted");
      return "";
    },
  },
  clients: { usage: "", help: "how many", answer: (): string => String(control.clientCount) },
}, "x");

reactor.watch(0, EPOLLIN, () => reactor.stop());
console.log("ready");
reactor.run();
control.close();
