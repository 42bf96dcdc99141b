/** The proof of identity: complete evidence proves, and each piece of it that is wrong or missing refuses. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Evidence,
  type Hardware,
  judge,
  type Known,
  type Observation,
  type Verdict,
} from "../../../daemons/mdmpd/identity.ts";
import { EVENTS_SLACK } from "../../../daemons/mdmpd/limits.ts";
import type { Superblock } from "../../../daemons/mdmpd/superblock.ts";

const ARRAY = "00112233445566778899aabbccddeeff";

const superblock: Superblock = {
  version: "1.2",
  arrayUuid: ARRAY,
  deviceUuid: "d0",
  level: -4,
  raidDisks: 2,
  events: 17,
  deviceNumber: 0,
  role: 0,
  roles: [0, 1],
  neededSectors: 130_000,
  bitmapSectors: undefined,
};
const hardware: Hardware = { sectors: 131_072, readOnly: false, names: ["wwid:naa.1"] };
const seen: Observation = { hardware, superblock };
const known: Known = { hardware, deviceUuid: "d0" };

/** A path of an array with superblock, seen beside one that works. */
const multipath: Evidence = {
  kind: "multipath",
  arrayUuid: ARRAY,
  level: -4,
  hasSuperblock: true,
  candidate: seen,
  known,
  reference: seen,
  lastEvents: 17,
};

const member: Evidence = {
  kind: "members",
  arrayUuid: ARRAY,
  level: 1,
  hasSuperblock: true,
  candidate: { hardware, superblock: { ...superblock, level: 1, events: 12 } },
  known: { ...known, role: 0 },
  reference: { hardware, superblock: { ...superblock, level: 1, deviceUuid: "d1", role: 1 } },
  eventsCleared: 10,
};

const nameless: Hardware = { ...hardware, names: [] };
const bare: Evidence = {
  kind: "multipath",
  arrayUuid: ARRAY,
  level: -4,
  hasSuperblock: false,
  candidate: { hardware: nameless },
  reference: { hardware: nameless },
  comparison: { equal: 16, different: 0, telling: 3 },
};

function withSuperblock(evidence: Evidence, change: Partial<Superblock>): Evidence {
  const { candidate } = evidence;
  return {
    ...evidence,
    candidate: { ...candidate, superblock: { ...candidate.superblock as Superblock, ...change } },
  };
}

function withHardware(evidence: Evidence, change: Partial<Hardware>): Evidence {
  const { candidate } = evidence;
  return {
    ...evidence,
    candidate: { ...candidate, hardware: { ...candidate.hardware, ...change } },
  };
}

function verdicts(cases: readonly Evidence[]): string[] {
  return cases.map((evidence) => judge(evidence).verdict);
}

function reason(verdict: Verdict): string {
  return verdict.verdict === "proven" ? "" : verdict.reason;
}

Deno.test("complete evidence proves a path, a member and a path without superblock", () => {
  assertEquals(verdicts([multipath, member, bare]), ["proven", "proven", "proven"]);
});

Deno.test("another array's superblock is foreign, however much else fits", () => {
  const verdict = judge(withSuperblock(multipath, { arrayUuid: "ff".repeat(16) }));
  assertEquals(verdict.verdict, "foreign");
  assertEquals(reason(verdict).includes("belongs to array ffff"), true);
});

Deno.test("a superblock of another level or another device is foreign", () => {
  assertEquals(
    verdicts([
      withSuperblock(multipath, { level: 1 }),
      withSuperblock(multipath, { deviceUuid: "d9" }),
      withSuperblock({ ...multipath, known: undefined }, { deviceUuid: "d9" }),
      withSuperblock({ ...multipath, reference: undefined }, { deviceUuid: undefined }),
      withSuperblock(member, { deviceUuid: "d1" }),
    ]),
    Array(5).fill("foreign"),
  );
});

Deno.test("a device's uuid that mdadm --add has changed is the one that a working path shows", () => {
  const superblock = { ...(seen.superblock as Superblock), deviceUuid: "d5" };
  const renamed = { hardware, superblock };
  const evidence = { ...multipath, candidate: renamed, reference: renamed };
  assertEquals(verdicts([evidence, { ...evidence, reference: undefined }]), ["proven", "foreign"]);
});

Deno.test("a device without readable superblock is foreign where the array has one", () => {
  const without = (superblock: Observation["superblock"]): Evidence => ({
    ...multipath,
    candidate: { hardware, superblock },
  });
  const cases = [without(undefined), without({ problem: "absent", text: "no superblock" })];
  assertEquals(verdicts(cases), ["foreign", "foreign"]);
});

Deno.test("a copy of the disk is known by its count of events, older or newer", () => {
  const events = (count: number): Evidence => withSuperblock(multipath, { events: count });
  assertEquals(verdicts([16, 17, 18].map(events)), ["foreign", "proven", "foreign"]);
});

Deno.test("with no path that works, the last known count of events decides", () => {
  const alone = { ...multipath, reference: undefined };
  const events = [16, 17, 17 + EVENTS_SLACK, 18 + EVENTS_SLACK];
  assertEquals(
    verdicts(events.map((count) => withSuperblock(alone, { events: count }))),
    ["foreign", "proven", "proven", "foreign"],
  );
  assertEquals(verdicts([{ ...alone, lastEvents: undefined }]), ["unproven"]);
});

Deno.test("a disk that has grown since it was first seen has the size that a working path shows", () => {
  const grown: Observation = { superblock, hardware: { ...hardware, sectors: 262_144 } };
  const all = { ...multipath, candidate: grown, reference: grown };
  assertEquals(judge(all).verdict, "proven");
  assertEquals(judge({ ...all, candidate: seen }).verdict, "foreign");
  assertEquals(judge({ ...all, reference: undefined }).verdict, "foreign");
  assertEquals(judge({ ...member, candidate: { ...member.candidate, hardware: grown.hardware } }), {
    verdict: "foreign",
    reason: "262144 sectors instead of 131072",
  });
});

Deno.test("a device of another size or another name is foreign", () => {
  assertEquals(
    verdicts([
      withHardware(multipath, { sectors: 131_064 }),
      withHardware(multipath, { sectors: 131_080 }),
      withHardware({ ...multipath, known: undefined }, { sectors: 262_144 }),
      withHardware({ ...multipath, known: undefined, reference: undefined }, { sectors: 9 }),
      withHardware(multipath, { names: ["wwid:naa.2"] }),
      withHardware({ ...multipath, known: undefined }, { names: ["wwid:naa.2"] }),
      withHardware(multipath, { names: [] }),
    ]),
    Array(7).fill("foreign"),
  );
});

Deno.test("a path that had no name when it was first seen may have one", () => {
  const unnamed = { ...multipath, known: { ...known, hardware: nameless } };
  assertEquals(verdicts([unnamed]), ["proven"]);
});

Deno.test("a write-protected device is not foreign, but not ready either", () => {
  assertEquals(verdicts([withHardware(multipath, { readOnly: true })]), ["unready"]);
  const other = withSuperblock(withHardware(multipath, { readOnly: true }), { arrayUuid: "0" });
  assertEquals(verdicts([other]), ["foreign"]);
});

Deno.test("without superblock, blocks that differ are foreign and blank ones prove nothing", () => {
  const compared = (equal: number, different: number, telling: number): Evidence => ({
    ...bare,
    comparison: { equal, different, telling },
  });
  assertEquals(verdicts([compared(15, 1, 15), compared(16, 0, 0), compared(1, 0, 1)]), [
    "foreign",
    "unproven",
    "proven",
  ]);
  const { comparison: _, ...uncompared } = bare;
  assertEquals(verdicts([uncompared]), ["unproven"]);
});

Deno.test("without superblock, a disk's own name proves it", () => {
  const named: Evidence = {
    ...bare,
    candidate: { hardware },
    reference: { hardware },
    comparison: { equal: 16, different: 0, telling: 0 },
  };
  assertEquals(
    verdicts([named, { ...named, comparison: { equal: 9, different: 1, telling: 9 } }]),
    [
      "proven",
      "foreign",
    ],
  );
  // A path's file or partition is no name of the disk.
  const file = { ...hardware, names: ["file:/d0"] };
  assertEquals(
    verdicts([{ ...named, candidate: { hardware: file }, reference: { hardware: file } }]),
    ["unproven"],
  );
});

Deno.test("a member is only proven where the bitmap covers all that it missed", () => {
  const { eventsCleared: _e, ...noBitmap } = member;
  const { known: _k, ...unknown } = member;
  const { reference: _r, ...alone } = member;
  assertEquals(
    verdicts([
      withSuperblock(member, { events: 9 }),
      withSuperblock(member, { events: 10 }),
      withSuperblock(member, { events: 17 }),
      withSuperblock(member, { events: 18 }),
      withSuperblock(member, { role: 1 }),
      noBitmap,
      unknown,
      alone,
    ]),
    ["foreign", "proven", "proven", "foreign", "foreign", "unproven", "unproven", "unproven"],
  );
});

/** Ways to take complete evidence of a path apart; each alone must refuse it. */
const DAMAGES: Readonly<Record<string, (evidence: Evidence) => Evidence>> = {
  array: (e) => withSuperblock(e, { arrayUuid: "0".repeat(32) }),
  device: (e) => withSuperblock(e, { deviceUuid: "other" }),
  level: (e) => withSuperblock(e, { level: 5 }),
  older: (e) => withSuperblock(e, { events: 3 }),
  newer: (e) => withSuperblock(e, { events: 3_000 }),
  size: (e) => withHardware(e, { sectors: 131_073 }),
  name: (e) => withHardware(e, { names: ["wwid:naa.7"] }),
  readOnly: (e) => withHardware(e, { readOnly: true }),
  blank: (e) => ({ ...e, candidate: { ...e.candidate, superblock: undefined } }),
};

Deno.test("no mixture of damages is ever proven, with or without memory and reference", () => {
  const mixture = fc.record({
    damages: fc.subarray(Object.keys(DAMAGES), { minLength: 1 }),
    withKnown: fc.boolean(),
    withReference: fc.boolean(),
  }).filter(({ withKnown, withReference }) => withKnown || withReference);
  fc.assert(
    fc.property(mixture, ({ damages, withKnown, withReference }) => {
      const whole: Evidence = {
        ...multipath,
        known: withKnown ? known : undefined,
        reference: withReference ? seen : undefined,
      };
      const damaged = damages.reduce((evidence, name) => DAMAGES[name](evidence), whole);
      const verdict = judge(damaged);
      assert(verdict.verdict !== "proven" && reason(verdict) !== "", damages.join());
    }),
    { seed: 4_7, numRuns: 2_000 },
  );
});

Deno.test("judge asks a working path for the array's uuid where the kernel does not tell it", () => {
  const untold: Evidence = { ...multipath, arrayUuid: undefined };
  assertEquals(judge(untold).verdict, "proven");
  const foreign = judge(withSuperblock(untold, { arrayUuid: "f".repeat(32) }));
  assert(reason(foreign).startsWith("it belongs to array ffff"), reason(foreign));
});

Deno.test("judge takes the device's own uuid for the array's where neither kernel nor path tells it", () => {
  const untold: Evidence = { ...multipath, arrayUuid: undefined, reference: undefined };
  assertEquals(
    verdicts([
      untold,
      withSuperblock(untold, { deviceUuid: "d1" }),
      { ...withSuperblock(untold, { deviceUuid: undefined }), known: { hardware } },
      { ...untold, known: undefined },
    ]),
    ["proven", "unproven", "unproven", "unproven"],
  );
});
