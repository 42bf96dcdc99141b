/** Everything that cmirrord reads from others. */
import { Bitmap } from "../../daemons/cmirrord/bitmap.ts";
import { checkpointBytes, encodeCheckpoint } from "../../daemons/cmirrord/checkpoint.ts";
import { parseConstruction } from "../../daemons/cmirrord/constructor.ts";
import { LogImage } from "../../daemons/cmirrord/disk_log.ts";
import { MAX_REGIONS } from "../../daemons/cmirrord/limits.ts";
import {
  MESSAGE_HEADER_BYTES,
  REQUEST_AT,
  RESPONSE,
  writeHead,
} from "../../daemons/cmirrord/message.ts";
import {
  CHECKPOINT_READY,
  REQUESTS,
  UUID_AT,
  writeIdentity,
  writeOutcome,
} from "../../daemons/cmirrord/ulog.ts";
import { setU64 } from "../../src/wire/layout.ts";
import { encodeBytes } from "../../src/wire/bytes.ts";
import { FuzzWorld, PEER, REGIONS, requestFrame, UUID } from "./cmirrord_world.ts";
import { damaged } from "./damage.ts";
import type { Random } from "./random.ts";
import { Random as Numbers } from "./random.ts";
import { type FuzzTarget, hold } from "./target.ts";

/** A machine is used for so many cases, so that damage can add up. */
const CASES_A_WORLD = 200;
const TELLING = [0, 1, REGIONS - 1, REGIONS, 0x1000, 0xffff_ffff, 0x8000_0000];

/** Changes some bits or words, or the length; every third time nothing. */
function corrupt(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let result = bytes;
  for (let left = random.small(4); left > 0; left--) {
    const at = random.below(Math.max(1, result.length));
    const kind = random.below(4);
    if (kind === 0) result[at] ^= 1 << random.below(8);
    else if (kind === 1) result[at] = random.below(256);
    else if (kind === 2 && at + 4 <= result.length) {
      new DataView(result.buffer).setUint32(at, random.pick(TELLING), true);
    } else if (kind === 3) result = result.slice(0, random.below(result.length + 9));
  }
  return result;
}

/** Words of region numbers, mostly of regions that exist. */
function regionWords(random: Random, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * count);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const region = random.below(20) === 0 ? random.pick(TELLING) : random.below(REGIONS);
    setU64(view, 8 * i, region);
  }
  return bytes;
}

function dataOf(random: Random, type: number): Uint8Array<ArrayBuffer> {
  const kind = REQUESTS[type];
  if (kind === undefined || kind.most === 0) return new Uint8Array(0);
  if (type === 13) {
    return new Uint8Array([...regionWords(random, 1), random.below(2), 0, 0, 0, 0, 0, 0, 0]);
  }
  return regionWords(random, kind.most === 8 ? 1 : 1 + random.below(5));
}

/** All that must hold of a log, whatever it was told. */
function checkLog({ mirror }: FuzzWorld): void {
  const { sync, clean, marks, recovery, regionCount } = mirror.log;
  for (const map of [sync, clean, marks.orphans]) {
    const counted = map.count;
    map.recount();
    hold(counted === map.count, "a count is not that of the bits");
    for (let r = regionCount; r < 8 * map.bytes.length; r++) {
      hold(!map.has(r), "a bit behind the last");
    }
  }
  marks.each((region) => {
    hold(region < regionCount, "a mark behind the last region");
    hold(!clean.has(region), "a marked region is clean");
  });
  hold(recovery.region < regionCount, "a recovery behind the last region");
}

abstract class WorldTarget implements FuzzTarget {
  abstract readonly name: string;
  abstract readonly tally: Record<string, number>;
  protected bytes = new Uint8Array(0);
  #cases = 0;
  #world: FuzzWorld | undefined;

  constructor(protected readonly random: Random) {}

  describe(): string {
    return this.bytes.toHex();
  }

  protected abstract make(): Uint8Array<ArrayBuffer>;
  protected abstract feed(world: FuzzWorld): void;

  step(): void {
    if (this.#cases++ % CASES_A_WORLD === 0) this.#world = new FuzzWorld([PEER]);
    const world = this.#world as FuzzWorld;
    this.bytes = this.make();
    world.answers.length = 0;
    if (world.machine.mirrors.length === 0) this.#cases = 0;
    else {
      this.feed(world);
      if (world.machine.mirrors.length > 0) checkLog(world);
    }
  }
}

/** What another node sends to the group. */
export class MessageTarget extends WorldTarget {
  readonly name = "messages of the group";
  readonly tally = { taken: 0, refused: 0 };

  protected make(): Uint8Array<ArrayBuffer> {
    const { random } = this;
    const type = random.pick([4, 5, 7, 9, 10, 10, 11, 11, 12, 13, 15, 17, CHECKPOINT_READY]);
    const data = type === CHECKPOINT_READY ? this.#checkpoint() : dataOf(random, type);
    const trailer = random.below(2) === 0 ? 0 : 4 * random.below(12);
    const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + data.length + trailer);
    const view = new DataView(bytes.buffer);
    writeHead(view, random.below(4), 0);
    encodeBytes(UUID, bytes, REQUEST_AT + UUID_AT);
    writeIdentity(view, REQUEST_AT, 3, random.below(1_000));
    const isResponse = type !== CHECKPOINT_READY && random.below(4) === 0;
    writeOutcome(view, REQUEST_AT, 0, isResponse ? type | RESPONSE : type, data.length);
    bytes.set(data, MESSAGE_HEADER_BYTES);
    if (trailer > 0) view.setUint32(MESSAGE_HEADER_BYTES + data.length, 0x316d_6b68, true);
    return corrupt(random, bytes);
  }

  #checkpoint(): Uint8Array<ArrayBuffer> {
    const data = new Uint8Array(checkpointBytes(REGIONS));
    const bits = new Bitmap(REGIONS).bytes;
    const recovery = { region: this.random.below(REGIONS), recoverer: PEER };
    encodeCheckpoint(data, 0, bits, bits, recovery);
    return data;
  }

  protected feed(world: FuzzWorld): void {
    const complaints = world.complaints;
    const before = snapshot(world);
    world.deliver(PEER, 20, this.bytes.slice());
    const isRefused = world.complaints > complaints;
    this.tally[isRefused ? "refused" : "taken"]++;
    if (isRefused) hold(snapshot(world) === before, "a message was refused and changed something");
  }
}

function snapshot({ mirror }: FuzzWorld): string {
  const { sync, clean, marks, recovery } = mirror.log;
  return [sync.bytes, clean.bytes, marks.orphans.bytes].map((bytes) => bytes.toHex()).join() +
    `${marks.size} ${recovery.region} ${recovery.search} ${mirror.phase}`;
}

/** What comes in at the kernel's socket. */
export class RequestTarget extends WorldTarget {
  readonly name = "requests of the kernel";
  readonly tally = { answered: 0, silent: 0 };
  #seq = 10;

  protected make(): Uint8Array<ArrayBuffer> {
    const type = this.random.pick([1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
    return corrupt(this.random, requestFrame(this.#seq++, type, dataOf(this.random, type)));
  }

  protected feed(world: FuzzWorld): void {
    world.ask(this.bytes.slice());
    const { answers } = world;
    hold(
      answers.length <= 1 || answers.every((length) => length >= 36),
      "an answer without a header",
    );
    hold(answers.length <= 2, "more than an acknowledgement and an answer");
    this.tally[answers.length > 0 ? "answered" : "silent"]++;
  }
}

/** What stands on a log device. */
export class DiskTarget implements FuzzTarget {
  readonly name = "logs on disk";
  readonly tally = { ours: 0, foreign: 0 };
  #image = new LogImage(REGIONS);

  constructor(private readonly random: Random) {}

  describe(): string {
    return this.#image.bytes.subarray(0, 1100).toHex();
  }

  step(): void {
    const { random } = this;
    const image = new LogImage(REGIONS);
    const written = new Bitmap(REGIONS);
    for (let i = random.below(REGIONS); i > 0; i--) written.set(random.below(REGIONS));
    image.store(written, 1);
    const isWhole = random.below(3) === 0;
    if (!isWhole) this.#damage(image.bytes);
    this.#image = image;
    const read = new Bitmap(REGIONS);
    const others = random.below(2) === 0;
    image.load(read, others);
    this.tally[image.regions() > 0 ? "ours" : "foreign"]++;
    if (isWhole) {
      hold(read.bytes.toHex() === written.bytes.toHex(), "it is not read as it was written");
    }
    for (let r = REGIONS; r < 8 * read.bytes.length; r++) {
      hold(!read.has(r), "a bit behind the last");
    }
    const known = Math.min(image.regions(), REGIONS);
    for (let r = known; r < REGIONS; r++) hold(read.has(r) === others, "an unknown region");
  }

  #damage(bytes: Uint8Array): void {
    const places = [
      this.random.below(16),
      this.random.below(bytes.length),
      1024 + this.random.below(8),
    ];
    for (let left = 1 + this.random.below(3); left > 0; left--) {
      bytes[this.random.pick(places)] = this.random.below(256);
    }
  }
}

/** The words of a table line. */
export class ConstructionTarget implements FuzzTarget {
  readonly name = "constructor strings";
  readonly tally = { taken: 0, refused: 0 };
  #text = "";

  constructor(private readonly random: Random) {}

  describe(): string {
    return JSON.stringify(this.#text);
  }

  step(): void {
    const { random } = this;
    const log = random.below(2) === 0 ? "clustered-core" : "clustered-disk 253:0";
    const whole = `${1 + random.small(100_000)} ${log} ${1 << random.below(12)} ${
      random.pick(["sync", "nosync", "block_on_error", ""])
    }`;
    this.#text = damaged(random, whole.trimEnd());
    const read = parseConstruction(this.#text);
    this.tally[typeof read === "number" ? "refused" : "taken"]++;
    if (typeof read === "number") return hold(read < 0, "an error that is none");
    const { regionCount, regionSizeSectors, device } = read;
    hold(
      Number.isInteger(regionCount) && regionCount >= 1 && regionCount <= MAX_REGIONS,
      "regions",
    );
    hold(regionSizeSectors >= 1 && regionSizeSectors < 2 ** 32, "a region's size");
    hold(device === "" || this.#text.split(" ").includes(device), "a device of nowhere");
  }
}

export function cmirrordTargets(seed: number): FuzzTarget[] {
  return [
    new MessageTarget(new Numbers(seed)),
    new RequestTarget(new Numbers(seed)),
    new DiskTarget(new Numbers(seed)),
    new ConstructionTarget(new Numbers(seed)),
  ];
}
