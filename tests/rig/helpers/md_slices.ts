/**
 * Many multipath arrays on slices of one disk without a name, made without mdadm, which takes a second for each in a guest. In a guest
 * only.
 *
 * Their superblocks are written by us, and md is asked through sysfs (drivers/md/md.c: add_named_array, metadata_store, new_dev_store,
 * array_state_store).
 */
import { superblockOffset } from "../../../daemons/mdmpd/superblock.ts";
import { newSuperblock, SAMPLE } from "../../daemons/mdmpd/superblocks.ts";
import { sh } from "../../../tasks/rig/guest/guest.ts";

export const SLICE_SECTORS = 4_096;
const DATA_OFFSET_SECTORS = 2_048;
const SECTOR_BYTES = 512;
const SLICE_BYTES = SLICE_SECTORS * SECTOR_BYTES;
/** Of an array, bytes. */
export const DATA_BYTES = (SLICE_SECTORS - DATA_OFFSET_SECTORS) * SECTOR_BYTES;
const DISK = "/dev/ram0";

function write(path: string, word: string): void {
  Deno.writeTextFileSync(path, `${word}\n`);
}

export interface SlicePath {
  /** Of device-mapper. */
  readonly name: string;
  readonly kernelName: string;
  readonly device: string;
}

export interface SliceArray {
  readonly md: string;
  /** Where its disk is. */
  readonly slice: number;
  /** The first is slot 0, which carries the I/O. */
  readonly paths: readonly [SlicePath, SlicePath];
}

/** Device-mapper's word for a slice as a whole, or its beginning. */
export function lineTo(slice: number, sectors = SLICE_SECTORS, disk = DISK): string {
  return `0 ${sectors} linear ${disk} ${slice * SLICE_SECTORS}`;
}

/** All paths of one letter, aN or bN, lead over a device: what happens to it happens to all of them. */
export type Side = "a" | "b";

const SIDES: readonly Side[] = ["a", "b"];

function nameOf(side: Side): string {
  return `side-${side}`;
}

/** Every read and write fails. */
export const DEAD = `0 ${SLICE_SECTORS} error`;

/** As where a slice begins on the disk, for targets that take a device and an offset. */
export function placeOf(slice: number): string {
  return `${DISK} ${slice * SLICE_SECTORS}`;
}

/** Exchanges what is behind paths. `options`: of dmsetup reload. */
export function exchange(
  changes: readonly {
    readonly path: Pick<SlicePath, "name">;
    readonly table: string;
    readonly options?: string;
  }[],
): void {
  const names = changes.map(({ path }) => path.name).join(" ");
  const reloads = changes.map(({ path, table, options = "" }) =>
    `printf '%s\\n' '${table}' | dmsetup reload ${options} ${path.name}`
  );
  sh(
    [
      ...reloads,
      `dmsetup suspend --noflush --nolockfs ${names}`,
      `dmsetup resume ${names}`,
    ].join(" &&\n"),
  );
}

/** Arrays md0 … with the paths aN and bN each, and slices that are nobody's, with a superblock of another array if any. */
export class Slices {
  readonly arrays: readonly SliceArray[];
  readonly #sectors: number;

  constructor(count: number, spares = 0) {
    this.#sectors = (count + spares) * SLICE_SECTORS;
    sh(`modprobe multipath && modprobe brd rd_nr=1 rd_size=${this.#sectors / 2}`);
    const numbers = Array.from({ length: count }, (_, i) => i);
    this.writeSuperblocks(numbers);
    const sides = SIDES.map((side) => `${nameOf(side)},,,rw,${this.#whole()}`);
    const own = numbers.flatMap((i) =>
      SIDES.map((side) =>
        `${side}${i},,,rw,${lineTo(i, SLICE_SECTORS, `/dev/mapper/${nameOf(side)}`)}`
      )
    );
    sh(`dmsetup create --concise '${[...sides, ...own].join(";")}'`);
    const paths = this.#paths();
    const path = (name: string): SlicePath => paths.get(name) as SlicePath;
    this.arrays = numbers.map((i) => ({
      md: `md${i}`,
      slice: i,
      paths: [path(`a${i}`), path(`b${i}`)],
    }));
    for (const array of this.arrays) this.assemble(array);
  }

  #paths(): Map<string, SlicePath> {
    const fields = "name,blkdevname,major,minor";
    const text = sh(`dmsetup info -c --noheadings --separator ' ' -o ${fields}`);
    return new Map(
      text.split("\n").map((line) => {
        const [name, kernelName, major, minor] = line.split(" ");
        return [name, { name, kernelName, device: `${major}:${minor}` }];
      }),
    );
  }

  #whole(): string {
    return `0 ${this.#sectors} linear ${DISK} 0`;
  }

  /** Fails or heals all paths of a side. */
  setSide(side: Side, isAlive: boolean): void {
    const table = isAlive ? this.#whole() : `0 ${this.#sectors} error`;
    exchange([{ path: { name: nameOf(side) }, table }]);
  }

  /** Makes each slice an array's disk. */
  writeSuperblocks(slices: readonly number[]): void {
    using disk = Deno.openSync(DISK, { write: true });
    const offset = superblockOffset("1.2", SLICE_BYTES) as number;
    for (const slice of slices) {
      const fields = {
        ...SAMPLE,
        arrayUuid: slice.toString(16).padStart(32, "a"),
        deviceUuid: slice.toString(16).padStart(32, "d"),
        dataOffsetSectors: DATA_OFFSET_SECTORS,
        sizeSectors: SLICE_SECTORS - DATA_OFFSET_SECTORS,
      };
      disk.seekSync(slice * SLICE_BYTES + offset, Deno.SeekMode.Start);
      disk.writeSync(newSuperblock(fields, offset));
    }
    disk.syncSync();
  }

  assemble({ md, paths: [a, b] }: SliceArray): void {
    write("/sys/module/md_mod/parameters/new_array", md);
    const folder = `/sys/block/${md}/md`;
    write(`${folder}/metadata_version`, "1.2");
    // The last one comes first in md's list, and so becomes slot 0.
    for (const { device } of [b, a]) write(`${folder}/new_dev`, device);
    write(`${folder}/array_state`, "active");
  }

  stop({ md }: SliceArray): void {
    write(`/sys/block/${md}/md/array_state`, "clear");
  }

  /** Which path is slot 0. */
  inUse({ md, paths }: SliceArray): SlicePath {
    const isFirst = ({ kernelName }: SlicePath): boolean =>
      Deno.readTextFileSync(`/sys/block/${md}/md/dev-${kernelName}/slot`).trim() === "0";
    return paths.find(isFirst) ?? paths[0];
  }

  /** Reads a block of each array. */
  readAll(arrays = this.arrays): void {
    for (const { md } of arrays) {
      using file = Deno.openSync(`/dev/${md}`);
      file.readSync(new Uint8Array(4_096));
    }
  }

  /** What is on a slice, past md, device-mapper and every cache. */
  contents(slice: number): Uint8Array {
    const args = [`if=${DISK}`, `bs=${SLICE_BYTES}`, `skip=${slice}`, "count=1", "iflag=direct"];
    return new Deno.Command("dd", { args, stderr: "null" }).outputSync().stdout;
  }

  copy(from: number, to: number): void {
    sh(
      `dd if=${DISK} of=${DISK} bs=${SLICE_BYTES} skip=${from} seek=${to} count=1 iflag=direct oflag=direct conv=notrunc 2>&1`,
    );
  }
}
