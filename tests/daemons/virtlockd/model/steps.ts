/** What can happen to the lock service, as values that fast-check makes, and makes smaller when something fails. */
import fc from "fast-check";
import type { Fault, FaultyCall, LockType } from "./files.ts";
import type { Call } from "./reference.ts";

export type Step =
  | { readonly kind: "call"; readonly client: number; readonly call: Call; readonly fault?: Fault }
  /** The connection ends, and a new one takes its place. */
  | { readonly kind: "disconnect"; readonly client: number }
  /** The holders whose connection has ended are dead. */
  | { readonly kind: "reap" }
  /** Another process does something to a file: locks, unlocks, removes or makes it. */
  | { readonly kind: "elsewhere"; readonly path: string; readonly action: OutsideAction };

export type OutsideAction = LockType | "unlock" | "remove" | "make";

/** The process at the other end of each connection: two of one process, and one that speaks for others. */
export const PEERS = [100, 100, 200, 1];
export const PIDS = [100, 200, 300];

/** Lockspaces and names that lead to few files, by many ways. */
const RESOURCES: readonly (readonly [string, string])[] = [
  ["/a", "x"],
  ["/a", "y"],
  ["/a/", "x"],
  ["/b", "x"],
  ["/b", "y"],
  ["/a", "../a/x"],
  ["", "/a/x"],
  ["", "/a/y"],
  ["", "/img"],
  ["", "/link"],
  ["/a", "img"],
  ["", "/mnt/img"],
  ["/new/deep", "x"],
  ["", "/denied/x"],
  ["", "/gone/x"],
  ["", "/a"],
  ["/f", "x"],
  ["", "n\xe9\xff"],
  ["", ""],
  ["/never", "x"],
];
const DIRECTORIES = ["/a", "/a/", "/b", "/new/deep", "/f", "/f/x", "/denied/x", ""];
const OUTSIDE = ["/a/x", "/a/y", "/img", "/mnt/img"];
const FAULTS: readonly Fault[] = ([
  ["stat", 5],
  ["stat", 2],
  ["open", 13],
  ["open", 30],
  ["fstat", 5],
  ["duplicate", 24],
  ["lock", 37],
  ["unlink", 13],
  ["mkdir", 28],
] as [FaultyCall, number][]).map(([call, errno]) => ({ call, errno }));

const client = fc.nat(PEERS.length - 1);
const fault = fc.oneof(
  { weight: 7, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constantFrom(...FAULTS) },
);
const noFlags = fc.oneof(
  { weight: 40, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(1, 2, 4, 0x8000_0000) },
);
const lockFlags = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(0, 2, 1, 3, 3) },
  { weight: 1, arbitrary: fc.constantFrom(4, 7, 0xffff_ffff) },
);

const NOTHING = { path: "", name: "", flags: 0, ownerId: 0, ownerPid: 0 };

function callOf(fields: fc.Arbitrary<Partial<Call>>, procedure: number): fc.Arbitrary<Step> {
  return fc.tuple(client, fields, fault).map(([client, some, fault]): Step => ({
    kind: "call",
    client,
    call: { ...NOTHING, ...some, procedure },
    ...(fault && { fault }),
  }));
}

const resource = fc.constantFrom(...RESOURCES).map(([path, name]) => ({ path, name }));

function onResource(flags: fc.Arbitrary<number>): fc.Arbitrary<Partial<Call>> {
  return fc.tuple(resource, flags).map(([one, flags]) => ({ ...one, flags }));
}

const onDirectory = fc.tuple(fc.constantFrom(...DIRECTORIES), noFlags)
  .map(([path, flags]) => ({ path, flags }));

const registration = fc.record({
  ownerId: fc.constantFrom(1, 1, 1, 0, 9),
  ownerPid: fc.constantFrom(...PIDS),
  flags: noFlags,
});

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: callOf(onResource(lockFlags), 6) },
  { weight: 20, arbitrary: callOf(onResource(noFlags), 7) },
  { weight: 5, arbitrary: callOf(registration, 1) },
  { weight: 1, arbitrary: callOf(noFlags.map((flags) => ({ flags })), 2) },
  { weight: 2, arbitrary: callOf(onDirectory, 3) },
  { weight: 2, arbitrary: callOf(onDirectory.map(({ path }) => ({ path })), 8) },
  { weight: 4, arbitrary: callOf(onResource(noFlags), 4) },
  { weight: 3, arbitrary: callOf(onResource(noFlags), 5) },
  { weight: 3, arbitrary: client.map((client): Step => ({ kind: "disconnect", client })) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: "reap" }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("elsewhere" as const),
      path: fc.constantFrom(...OUTSIDE),
      action: fc.constantFrom<OutsideAction>("r", "w", "unlock", "unlock", "remove", "make"),
    }),
  },
);

/** What is done before the steps: everybody has registered, and there are three ways to one directory. */
export const PRELUDE: readonly Step[] = [
  ...PEERS.map((pid, client): Step => ({
    kind: "call",
    client,
    call: { ...NOTHING, procedure: 1, ownerId: 1, ownerPid: pid === 1 ? 300 : pid },
  })),
  ...["/a", "/a/", "/b"].map((path): Step => ({
    kind: "call",
    client: 0,
    call: { ...NOTHING, procedure: 8, path },
  })),
];
