/** NEW reports what went wrong; the C daemon answers success and keeps a null pointer. */
import type { RpcError } from "../client_describe.ts";
import { fails, locked, ok, PID_FILE, under } from "./divergence.ts";
import type { Outcome } from "./outcome.ts";
import { LS } from "./script.ts";

const notDirectory = (path: string): RpcError => ({
  code: 1,
  domain: 51,
  detail: `Lockspace location ${path} exists, but is not a directory`,
});

const cannotCreate = (path: string, errno: number, reason: string): RpcError => ({
  code: 38,
  domain: 51,
  errno,
  detail: `Unable to create lockspace ${path}: ${reason}`,
});

const newFails = (error: RpcError): Partial<Outcome> => ({
  trace: [ok("a", "REGISTER", 1), fails("a", "NEW", 2, error), "a PING: PONG"],
});

const tooLong = (path: string): Partial<Outcome> =>
  newFails(cannotCreate(path, 36, "File name too long"));

export const newDivergences = under("A lockspace that cannot be made is an error", [
  ["NEW reports a path that is a file", {
    trace: [
      ok("a", "REGISTER", 1),
      fails("a", "NEW", 2, notDirectory(LS)),
      fails("a", "ACQUIRE_RESOURCE", 3, {
        code: 1,
        domain: 7,
        detail: `Lockspace for path ${LS} does not exist`,
      }),
      "a PING: PONG",
    ],
  }],
  ["NEW reports a path that is a symbolic link to a file", newFails(notDirectory(LS))],
  [
    "NEW reports a parent that is a file",
    newFails(cannotCreate("/srv/file/ls", 20, "Not a directory")),
  ],
  ["NEW reports a dangling symbolic link", newFails(cannotCreate(LS, 20, "Not a directory"))],
  ["NEW reports a symbolic link to itself", newFails(cannotCreate(LS, 20, "Not a directory"))],
  ["NEW reports a component of 256 bytes", tooLong(`/srv/${"d".repeat(256)}`)],
  ["NEW reports a path of 5000 bytes", tooLong(`/srv${`/${"d".repeat(250)}`.repeat(20)}`)],
  ["NEW reports a path of 65536 bytes", tooLong(`/srv/${"d".repeat(65531)}`)],
  [
    "NEW leaves the parents it could make when a later one fails",
    tooLong(`/srv/p/q/${"d".repeat(256)}/r`),
  ],
  [
    "NEW reports a read-only file system",
    newFails(cannotCreate("/srv/ro/ls", 30, "Read-only file system")),
  ],
  [
    "NEW reports a full file system",
    newFails(cannotCreate("/srv/full/ls", 28, "No space left on device")),
  ],
  [
    "NEW reports a directory of root to the client of a session daemon",
    newFails(cannotCreate("/srv/closed/ls", 13, "Permission denied")),
  ],
  ["NEW that failed can be repeated once the path is free", {
    trace: [
      ok("a", "REGISTER", 1),
      fails("a", "NEW", 2, notDirectory(LS)),
      ok("a", "NEW", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
    ],
    files: ["directory 700 ls", "file 600 ls/x"],
    locks: [locked("ls/x", "WRITE"), PID_FILE],
  }],
  ["NEW that failed poisons no later disconnect of a holder", {
    trace: [
      ok("g", "REGISTER", 1),
      fails("g", "NEW", 2, notDirectory(LS)),
      ok("g", "ACQUIRE_RESOURCE", 3),
      "guest: SIGTERM at once",
      "/srv/x: free",
    ],
    processes: ["guest SIGTERM"],
    files: ["file 644 ls 15 bytes"],
    locks: [PID_FILE],
    daemon: "serving",
  }],
  ["NEW that failed poisons no later re-exec", {
    trace: [
      ok("a", "REGISTER", 1),
      fails("a", "NEW", 2, notDirectory(LS)),
      ok("a", "NEW", 3),
      ok("a", "ACQUIRE_RESOURCE", 4),
      "re-exec done",
    ],
    connections: ["a open"],
    locks: [locked("good/x", "WRITE"), PID_FILE],
    daemon: "serving",
  }],
]);
