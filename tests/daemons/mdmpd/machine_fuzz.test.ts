/** The machine under random histories: its invariants hold, and what must never happen does not. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { PathEvent, PathEventType, Phase } from "../../../daemons/mdmpd/machine_state.ts";
import { TABLE } from "../../../daemons/mdmpd/machine_table.ts";
import { World } from "./machine_world.ts";

type Step =
  | { readonly kind: "see"; readonly letters: string }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "exists"; readonly path: string }
  | { readonly kind: "tell"; readonly path: string; readonly event: PathEvent };

const paths = ["a", "b", "c"];
const event: fc.Arbitrary<PathEvent> = fc.oneof(
  fc.constantFrom<PathEvent>({ type: "proven" }, { type: "restored" }, { type: "released" }),
  fc.constantFrom<PathEvent>(
    ...(["dead", "hung", "refused", "unrestored", "wrong"] as const).map((type) => ({
      type,
      reason: `because of ${type}`,
    })),
  ),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.array(fc.constantFrom(..."UUUFFGSX "), { minLength: 3, maxLength: 3 }).map((
    letters,
  ): Step => ({
    kind: "see",
    letters: letters.join(""),
  })),
  fc.constantFrom(0, 100, 3_000, 15_000, 700_000).map((ms): Step => ({ kind: "pass", ms })),
  fc.constantFrom(...paths).map((path): Step => ({ kind: "exists", path })),
  fc.record({ kind: fc.constant("tell" as const), path: fc.constantFrom(...paths), event }),
);

function take(world: World, step: Step): void {
  if (step.kind === "see") world.see(step.letters);
  else if (step.kind === "pass") world.pass(step.ms);
  else if (step.kind === "exists") world.existing.add(step.path);
  else world.tell(step.path, step.event);
}

/** A restoration stands behind a proof of the same path, with nothing but its own test between them. */
function isBehindProof(step: Step, line: string): boolean {
  return step.kind === "tell" && step.event.type === "proven" && line === `restore ${step.path}`;
}

Deno.test("whatever happens, invariants hold and only a proof leads to a return", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, dryRun) => {
      const world = new World({ dryRun, standbyIntervalMs: 60_000 });
      for (const one of steps) {
        take(world, one);
        for (const line of world.news().filter((line) => line.startsWith("restore"))) {
          assert(isBehindProof(one, line) && !dryRun, `${line} after ${JSON.stringify(one)}`);
        }
      }
    }),
    { seed: 4_8, numRuns: 3_000 },
  );
});

Deno.test("whatever happened, a path that stays failed is tested again", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      world.see("UUU");
      for (const one of steps) take(world, one);
      world.see("UUF");
      const { phase } = world.path("c");
      if (phase === "failed" || phase === "held" || phase === "refused") {
        world.news();
        world.pass(700_000);
        assert(world.news().some((line) => line.startsWith("probe c")), phase);
      }
    }),
    { seed: 4_9, numRuns: 1_000 },
  );
});

Deno.test("random histories reach every cell of the table that is not empty", () => {
  const missing = new Set<string>();
  const cells = new Map<string, (typeof TABLE)[Phase][PathEventType]>();
  for (const [phase, row] of Object.entries(TABLE)) {
    for (const [type, cell] of Object.entries(row)) {
      if (cell.name === "late" || cell.name === "nothing") continue;
      missing.add(`${phase} ${type}`);
      cells.set(`${phase} ${type}`, cell);
    }
  }
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
      const world = new World({ standbyIntervalMs: 60_000 });
      for (const one of steps) {
        const phases = paths.map((name) => world.machine.arrays.get("md0")?.paths.get(name)?.phase);
        if (one.kind === "tell") {
          missing.delete(`${phases[paths.indexOf(one.path)]} ${one.event.type}`);
        } else if (one.kind === "pass") {
          for (const phase of phases) missing.delete(`${phase} due`);
        } else if (one.kind === "see") seen(missing, phases, one.letters, world.existing);
        take(world, one);
      }
    }),
    { seed: 5_0, numRuns: 1_500 },
  );
  assertEquals([...missing], []);
  assert(cells.size > 40);
});

/** The events that see() makes of letters. */
function seen(
  missing: Set<string>,
  phases: readonly (Phase | undefined)[],
  letters: string,
  existing: ReadonlySet<string>,
): void {
  const types: Readonly<Record<string, PathEventType>> = {
    U: "working",
    S: "working",
    F: "faulty",
    G: "vanished",
    X: "vanished",
  };
  [...letters].forEach((letter, i) => {
    const absent = existing.has(paths[i]) ? "removed" : "vanished";
    missing.delete(`${phases[i]} ${types[letter] ?? absent}`);
  });
}
