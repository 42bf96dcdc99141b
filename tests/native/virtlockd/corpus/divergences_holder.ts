/** Whom one client may hold up; the C daemon stops for everybody. Also signals. */
import type { LockProcedure } from "../client_frames.ts";
import { busy, type Divergences, fails, locked, ok, PID_FILE, under } from "./divergence.ts";

const guestOf = (access: LockProcedure[]): string[] => [
  "guest ignore-term: ok 0",
  ...access.map((procedure, index) => ok("g", procedure, index + 1)),
];
const stubbornGuest = guestOf(["REGISTER", "NEW", "CREATE_RESOURCE", "ACQUIRE_RESOURCE"]);

const dying = under("Locks go when their holder is dead", [
  ["a lock is not free for another process before its holder is dead", {
    trace: [
      ...stubbornGuest,
      "other lock /srv/ls/x w 0 1: error EAGAIN",
      "guest: SIGKILL after 1.6 s",
      "/srv/ls/x: free",
    ],
    locks: [PID_FILE],
  }],
  ["another client is served while a holder is being killed", {
    trace: [
      ...stubbornGuest,
      ok("b", "REGISTER", 1),
      "b: CREATE_LOCKSPACE #2 ok",
      "guest: SIGKILL after 1.6 s",
      "/srv/ls/x: free",
    ],
  }],
  ["a request for the lock of a holder being killed", {
    trace: [
      ...stubbornGuest,
      ok("b", "REGISTER", 1),
      fails("b", "ACQUIRE_RESOURCE", 2, busy("x")),
      "guest: SIGKILL after 1.6 s",
      ok("b", "ACQUIRE_RESOURCE", 3),
    ],
  }],
  ["a holder with two shared entries leaves none behind when it dies", {
    trace: [
      ok("g", "REGISTER", 1),
      ok("g", "NEW", 2),
      ok("g", "ACQUIRE_RESOURCE", 3),
      ok("g", "ACQUIRE_RESOURCE", 4),
      ok("b", "REGISTER", 1),
      ok("b", "ACQUIRE_RESOURCE", 2),
    ],
    locks: [locked("ls/x", "WRITE"), PID_FILE],
  }],
]);

const leases = under("A blocking open() holds up its own client only", [
  ["open() of a leased file makes no other client wait", {
    trace: [
      "other lease /srv/leased w: ok 0",
      ok("a", "REGISTER", 1),
      ok("b", "REGISTER", 1),
      "b: CREATE_LOCKSPACE #2 ok",
      "other drop /srv/leased: ok 0",
      "a: ACQUIRE_RESOURCE #2 ok",
    ],
  }],
]);

const signals = under("SIGHUP begins log files anew", [
  ["SIGHUP ends the daemon at once and leaves the files", {
    connections: ["a open"],
    locks: [locked("ls/x", "WRITE"), PID_FILE],
    daemon: "serving",
  }],
]);

export const holderDivergences: Divergences = [...dying, ...leases, ...signals];
