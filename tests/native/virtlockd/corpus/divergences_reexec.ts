/** What survives a re-exec; the C daemon ends, or forgets. */
import { busy, fails, locked, ok, PID_FILE, under } from "./divergence.ts";

export const reexecDivergences = under("A re-exec loses nothing", [
  ["re-exec with a client that has not registered", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "ACQUIRE_RESOURCE", 3),
      ok("c", "CREATE_LOCKSPACE", 1),
      "re-exec done",
      ok("c", "CREATE_LOCKSPACE", 2),
      fails("c", "NEW", 3, {
        code: 55,
        domain: 7,
        detail: "lock owner details have not been registered",
      }),
    ],
    connections: ["a open", "c open"],
    files: ["directory 700 ls", "file 600 ls/x", "directory 700 other"],
    locks: [locked("ls/x", "WRITE"), PID_FILE],
    daemon: "serving",
  }],
  ["re-exec with a client whose process is gone", {
    trace: [
      ok("g", "REGISTER", 1),
      ok("g", "NEW", 2),
      ok("g", "ACQUIRE_RESOURCE", 3),
      ok("a", "REGISTER", 1),
      ok("a", "ACQUIRE_RESOURCE", 2),
      "re-exec done",
      ok("b", "REGISTER", 1),
      fails("b", "ACQUIRE_RESOURCE", 2, busy("x")),
      fails("b", "ACQUIRE_RESOURCE", 3, busy("y")),
    ],
    connections: ["g closed", "a open", "b open"],
    files: ["directory 700 ls", "file 600 ls/x", "file 600 ls/y"],
    locks: [locked("ls/x", "WRITE"), locked("ls/y", "WRITE"), PID_FILE],
    daemon: "serving",
  }],
  ["re-exec with a locked name that is not UTF-8", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "ACQUIRE_RESOURCE", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
      "re-exec done",
      ok("a", "RELEASE_RESOURCE", 5),
      ok("a", "RELEASE_RESOURCE", 6),
    ],
    connections: ["a open"],
    locks: [PID_FILE],
    daemon: "serving",
  }],
  ["re-exec with a half-read call", {
    trace: [
      ok("a", "REGISTER", 1),
      ok("a", "NEW", 2),
      ok("a", "ACQUIRE_RESOURCE", 3),
      "a first piece: silence",
      "re-exec done",
      "a the rest: RELEASE_RESOURCE #4 ok",
    ],
    files: ["directory 700 ls"],
    locks: [PID_FILE],
  }],
]);
