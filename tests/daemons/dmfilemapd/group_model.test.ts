/** The daemon's group on a simulated kernel, against a model that knows single sectors. What is checked is in model/world.ts. */
import { assert, assertEquals } from "@std/assert";
import { Random } from "../../fuzz/random.ts";
import { DEVICE_SECTORS } from "./model/disk_file.ts";
import { CALM, type Origin, type Weather, World } from "./model/world.ts";
import { stockDeleteGroup, stockDeleteRegion, stockReport } from "./model/stock_reader.ts";

const STEPS_MAX = 8;
const PLAIN: Origin = { features: "", alias: "ours", padding: [] };
/** Messages that are shown with a failure. */
const LOG_SHOWN = 60;
const LIMITS = { regions: 1000, seams: 2 };
const FEATURES = [
  "",
  "1 precise_timestamps",
  "1 histogram:2,5",
  "2 precise_timestamps histogram:3",
];

interface Setup {
  readonly random: Random;
  readonly build: (weather: Weather, limits?: typeof LIMITS, origin?: Partial<Origin>) => World;
}

/** Calls `run` with worlds of many seeds; what fails says which. */
function explore(runs: number, seed: number, run: (setup: Setup) => void): void {
  for (let n = 0; n < runs; n++) {
    const random = new Random(seed * 1_000_000 + n);
    let world: World | undefined;
    const build = (weather: Weather, limits = LIMITS, origin = {}): World => {
      const features = random.pick(FEATURES);
      return world = new World(random, weather, limits, { ...PLAIN, features, ...origin });
    };
    try {
      run({ random, build });
    } catch (error) {
      const log = world?.log.slice(-LOG_SHOWN).join("\n");
      const message = `seed ${seed}, run ${n}: ${(error as Error).message}\n${log}`;
      throw new Error(message, { cause: error });
    }
  }
}

/** What may happen between two updates, beside what happens to the file. */
function happenBetween(world: World, random: Random): void {
  const ways = [
    (): void => world.restart(),
    (): void => {
      world.addForeign();
      world.refresh();
    },
    (): void => {
      world.removeForeign();
      world.refresh();
    },
    (): void => report(world),
    (): void => deleteMember(world, random),
  ];
  random.pick(ways)();
}

function report(world: World): void {
  const { stock } = world;
  if (stock === undefined) return;
  stockReport(world.kernel, stock);
  world.resettle();
}

function deleteMember(world: World, random: Random): void {
  const { stock } = world;
  if (stock === undefined || stock.members.length < 2) return;
  const others = stock.members.slice(1);
  stockDeleteRegion(world.kernel, stock, random.pick(others).id);
  world.refresh();
  world.resettle();
}

/** A file's life of some steps. */
function live({ random, build }: Setup, weather: Weather): void {
  const world = build(weather);
  for (let steps = 1 + random.below(STEPS_MAX); steps > 0; steps--) {
    world.doIo();
    for (let changes = random.below(3); changes > 0; changes--) world.file.change();
    if (random.below(3) === 0) happenBetween(world, random);
    const shortage = world.update();
    assert(shortage === undefined, `short of ${shortage}`);
  }
}

Deno.test("Group.apply follows 5,000 files without losing a count", () => {
  explore(5000, 1, (setup) => live(setup, CALM));
});

Deno.test("Group.apply follows 4,000 files while there is I/O between any two messages", () => {
  explore(4000, 2, (setup) => live(setup, { ...CALM, io: 2 }));
});

Deno.test("Group.apply follows 3,000 files while others use the device between any two messages", () => {
  explore(3000, 3, (setup) => live(setup, { ...CALM, io: 3, foreign: 3 }));
});

Deno.test("Group: a daemon that is killed after any message is followed by one that has lost nothing", () => {
  explore(2000, 4, (setup) => live(setup, { ...CALM, kill: 1 }));
});

Deno.test("Group: neither a kill nor I/O nor others at the same time lose a count", () => {
  explore(1000, 5, (setup) => live(setup, { ...CALM, io: 3, foreign: 5, kill: 2 }));
});

Deno.test("Group.apply keeps to the limit of regions, and maps all once there is room", () => {
  explore(1500, 6, ({ random, build }) => {
    const world = build({ ...CALM, io: 3 }, { regions: 5, seams: 2 });
    for (let steps = 1 + random.below(STEPS_MAX); steps > 0; steps--) {
      world.doIo();
      world.file.change();
      world.update();
    }
  });
});

/** A file's life on a device for which the kernel has little memory now and then. */
function liveShort({ random, build }: Setup, weather: Weather): void {
  const world = build(weather);
  for (let steps = 1 + random.below(STEPS_MAX); steps > 0; steps--) {
    world.doIo();
    world.file.change();
    world.kernel.passGrace();
    world.kernel.room = random.below(2) === 0
      ? Infinity
      : world.kernel.rows.length + random.below(3);
    const shortage = world.update();
    assert(shortage === undefined || world.kernel.room < Infinity, `short of ${shortage}`);
  }
}

Deno.test("Group.apply keeps what it has when the kernel has no memory, and maps all once it has", () => {
  explore(1500, 7, (setup) => liveShort(setup, { ...CALM, io: 3 }));
});

Deno.test("Group.apply keeps the group, if under another id, where the memory of deleted regions never comes back", () => {
  explore(400, 11, (setup) => liveShort(setup, { ...CALM, io: 3, grace: 0 }));
});

Deno.test("Group: a daemon that is killed while the kernel has no memory is followed by one that has lost nothing", () => {
  explore(300, 12, (setup) => liveShort(setup, { ...CALM, io: 3, kill: 3 }));
});

Deno.test("Group.apply keeps the descriptor short enough for stock tools, and all counts with it", () => {
  const short = new Set<string>();
  explore(1000, 9, ({ random, build }) => {
    const alias = `ours${"x".repeat(955 + random.below(20))}`;
    const world = build({ ...CALM, io: 3, kill: 20 }, LIMITS, { alias });
    for (let steps = 1 + random.below(STEPS_MAX); steps > 0; steps--) {
      world.doIo();
      world.file.change();
      world.addForeign();
      world.refresh();
      short.add(world.update() ?? "nothing");
    }
  });
  assert(short.has("nothing") && short.has("descriptor"), [...short].join());
});

Deno.test("Group.apply sends as many messages for a change of a file of 300 extents more", () => {
  const padding = Array.from({ length: 300 }, (_, i) => ({
    logical: 1000 + 16 * i,
    start: DEVICE_SECTORS + 16 * (i + 1),
    length: 8,
  }));
  const costs = (origin: Partial<Origin>): number[] => {
    const all: number[] = [];
    explore(80, 10, ({ random, build }) => {
      const world = build(CALM, LIMITS, origin);
      for (let steps = 1 + random.below(STEPS_MAX); steps > 0; steps--) {
        world.doIo();
        world.file.change();
        world.update();
      }
      all.push(world.messages);
    });
    return all;
  };
  assertEquals(costs({ padding }), costs({}));
});

Deno.test("Group: the end of the group is noticed, and nothing is left behind", () => {
  explore(1000, 8, ({ random, build }) => {
    const world = build(CALM);
    world.update();
    world.doIo();
    for (let changes = random.below(3); changes > 0; changes--) world.file.change();
    if (world.stock !== undefined) stockDeleteGroup(world.kernel, world.stock);
    assert(world.updateGone());
  });
});
