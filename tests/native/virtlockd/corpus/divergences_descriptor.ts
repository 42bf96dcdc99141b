/**
 * Refused calls that came with descriptors; the C daemon sends these back behind the error, each
 * with a byte that no client expects.
 */
import { describeError } from "../client_describe.ts";
import { ok, under } from "./divergence.ts";
import type { Outcome } from "./outcome.ts";

const refusedWithFd = (procedure: string, refusal: string): Partial<Outcome> => ({
  trace: [ok("a", "REGISTER", 1), `a ${procedure}: silence`, `a passing 1 descriptors: ${refusal}`],
});
const noDecoding = describeError({
  code: 39,
  domain: 7,
  detail: "Unable to decode message payload",
});

export const descriptorDivergences = under("Descriptors are not sent back", [
  [
    "a call of an unknown program with a descriptor is refused once it came",
    refusedWithFd(
      "NEW",
      `program 7 version 1 procedure 3 #2 ${
        describeError({ code: 39, domain: 7, detail: "Cannot find program 7 version 1" })
      }`,
    ),
  ],
  ["a call of an unknown procedure with a descriptor is refused once it came", {
    trace: [
      ...refusedWithFd(
        "9",
        `program 245874415 version 1 procedure 9 #2 ${
          describeError({ code: 39, domain: 7, detail: "unknown procedure: 9" })
        }`,
      ).trace ?? [],
      "a PING: PONG",
    ],
  }],
  ["a call with a bad status and a descriptor is refused once it came", {
    trace: [
      ...refusedWithFd(
        "NEW",
        `NEW #2 ${describeError({ code: 39, domain: 7, detail: "Unexpected message status 1" })}`,
      ).trace ?? [],
      "a PING: PONG",
    ],
  }],
  ["a call with arguments cut short and a descriptor cannot be decoded", {
    trace: [
      ...refusedWithFd("NEW", `NEW #2 ${noDecoding}`).trace ?? [],
      `a NEW: NEW #3 ${noDecoding}`,
    ],
  }],
]);
