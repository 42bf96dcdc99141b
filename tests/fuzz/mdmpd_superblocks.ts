/** Superblocks and bitmaps: a whole one must be read as it was meant, one with a changed byte must be refused. */
import { BITMAP_SUPER_BYTES, eventsCleared } from "../../daemons/mdmpd/bitmap.ts";
import {
  decodeSuperblock,
  isSuperblock,
  superblockOffset,
  type Version,
} from "../../daemons/mdmpd/superblock.ts";
import { SAMPLE, type SuperblockFields, writtenSuperblock } from "../daemons/mdmpd/superblocks.ts";
import type { Random } from "./random.ts";
import { type FuzzTarget, hold } from "./target.ts";

const VERSIONS: readonly Version[] = ["0.90", "1.0", "1.1", "1.2"];
const LEVELS = [-4, 1, 4, 5, 6, 10];
const DEVICE_BYTES = 8 << 20;
const HEAD_BYTES = 256;
const BYTES = 4_096;

function hex(random: Random): string {
  return Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, "0")).join("");
}

function anyFields(random: Random): SuperblockFields {
  const raidDisks = 1 + random.below(6);
  return {
    ...SAMPLE,
    arrayUuid: hex(random),
    deviceUuid: hex(random),
    level: random.pick(LEVELS),
    raidDisks,
    events: random.u32() * random.below(1 << 20),
    deviceNumber: random.below(raidDisks),
    roles: Array.from({ length: raidDisks }, (_, i) => random.below(4) === 0 ? undefined : i),
    sizeSectors: 2 * random.u32(),
  };
}

export class SuperblockTarget implements FuzzTarget {
  readonly name = "superblocks";
  readonly tally = { whole: 0, changed: 0, noise: 0 };
  #case = "";

  constructor(private readonly random: Random) {}

  describe(): string {
    return this.#case;
  }

  step(): void {
    const { random } = this;
    const version = random.pick(VERSIONS);
    const offset = superblockOffset(version, DEVICE_BYTES) as number;
    const fields = anyFields(random);
    const bytes = writtenSuperblock(version, fields, offset);
    this.#case = `${version} ${JSON.stringify(fields)}`;
    const kind = random.below(4);
    if (kind === 0) this.#whole(version, bytes, offset, fields);
    else if (kind === 1) this.#noise(version, bytes, offset);
    else this.#changed(version, bytes, offset, fields);
  }

  #whole(version: Version, bytes: Uint8Array, offset: number, fields: SuperblockFields): void {
    this.tally.whole++;
    const found = decodeSuperblock(version, bytes, offset);
    hold(isSuperblock(found), "a whole superblock is read");
    if (!isSuperblock(found)) return;
    hold(found.arrayUuid === fields.arrayUuid && found.level === fields.level, "its array's");
    hold(found.events === fields.events && found.raidDisks === fields.raidDisks, "its state");
  }

  /** A checksum of sums notices every change of one byte that it covers. */
  #changed(version: Version, bytes: Uint8Array, offset: number, { roles }: SuperblockFields): void {
    this.tally.changed++;
    const covered = version === "0.90" ? BYTES : HEAD_BYTES + 2 * roles.length;
    const at = this.random.below(covered);
    bytes[at] ^= 1 + this.random.below(255);
    this.#case += ` byte ${at} is ${bytes[at]}`;
    hold(!isSuperblock(decodeSuperblock(version, bytes, offset)), "a changed one is refused");
  }

  /** Whatever lies behind a right beginning, there is an answer. */
  #noise(version: Version, bytes: Uint8Array, offset: number): void {
    this.tally.noise++;
    for (let at = 8; at < BYTES; at += 1 + this.random.small(64)) bytes[at] = this.random.u32();
    const found = decodeSuperblock(version, bytes, offset);
    if (isSuperblock(found)) {
      hold(found.events >= 0 && found.roles.length <= BYTES / 2, "it is sound");
    } else hold(found.text !== "", "it says why");
  }
}

export class BitmapTarget implements FuzzTarget {
  readonly name = "superblocks of bitmaps";
  readonly tally = { known: 0, none: 0 };
  readonly #bytes = new Uint8Array(BITMAP_SUPER_BYTES);

  constructor(private readonly random: Random) {}

  describe(): string {
    return this.#bytes.subarray(0, 64).toHex();
  }

  step(): void {
    const { random } = this;
    const bytes = this.#bytes;
    for (let at = 0; at < 64; at++) bytes[at] = random.u32();
    bytes.set(new TextEncoder().encode("bitm"));
    if (random.below(2) === 0) bytes[random.below(4)]++;
    const length = random.below(4) === 0 ? random.below(40) : bytes.length;
    const events = eventsCleared(bytes.subarray(0, length));
    this.tally[events === undefined ? "none" : "known"]++;
    hold(events === undefined || events >= 0, "a count is no less than none");
    const isWhole = new TextDecoder().decode(bytes.subarray(0, 4)) === "bitm" && length >= 40;
    hold(isWhole === (events !== undefined), "what has the letters and the length has a count");
  }
}
