/** A device-mapper device with a file system, for one scenario. */
import { about, sh } from "../../../tasks/rig/guest/guest.ts";
import { Stats } from "./stats.ts";

export type FileSystem = "ext4" | "xfs" | "btrfs";

const SECTORS_PER_MIB = 2048;
/** XFS makes none below 300; two have room on the disk of a scenario. */
const VOLUME_MIB = 340;

export interface VolumeOptions {
  readonly mib?: number;
  /** Where on the disk it begins. */
  readonly atMib?: number;
}

/** Without journal writes for as long as a scenario takes, but for those that fsync wants. */
const quiet: Readonly<Record<FileSystem, string>> = {
  ext4: "noatime,commit=900",
  xfs: "noatime",
  btrfs: "noatime",
};
/** Blocks of a page, which ext4 has on larger devices only; no discard and no lazy inode tables, so that nothing is written behind our back. */
const mkfs: Readonly<Record<FileSystem, string>> = {
  ext4: "mkfs.ext4 -q -b 4096 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0",
  xfs: "mkfs.xfs -q -K",
  btrfs: "mkfs.btrfs -q -K",
};

export class Volume {
  readonly stats: Stats;

  private constructor(readonly type: FileSystem, readonly name: string, readonly folder: string) {
    this.stats = new Stats(Deno.statSync(folder).dev);
  }

  /** Makes a linear device on /dev/rig/data, and a file system on it, mounted at /mnt/on_TYPE. */
  static make(type: FileSystem, { mib = VOLUME_MIB, atMib = 0 }: VolumeOptions = {}): Volume {
    const table = `0 ${mib * SECTORS_PER_MIB} linear /dev/rig/data ${atMib * SECTORS_PER_MIB}`;
    const name = `on_${type}`;
    const [device, folder] = [`/dev/mapper/${name}`, `/mnt/${name}`];
    sh(`dmsetup create ${name} --table "${table}"`);
    sh(`${mkfs[type]} ${device}`);
    sh(`mkdir -p ${folder} && mount -t ${type} -o ${quiet[type]} ${device} ${folder}`);
    return new Volume(type, name, folder);
  }

  /** Paths of files in its root directory. */
  at(name: string): string {
    return `${this.folder}/${name}`;
  }

  get node(): string {
    return `${this.stats.device >>> 8}:${this.stats.device & 0xff}`;
  }

  /** Sectors written to the device, as its block layer counts them. */
  get sectorsWritten(): number {
    const text = Deno.readTextFileSync(`/sys/dev/block/${this.node}/stat`);
    return Number(text.trim().split(/\s+/)[6]);
  }

  unmount(): void {
    sh(`umount ${this.folder}`);
  }
}

/** FS: the file systems of scenarios that run on each. */
const chosen = (Deno.env.get("FS") ?? "ext4,xfs").split(",") as FileSystem[];

/** A volume of each file system, beside each other on the disk. */
export function volumeOfEach(): Volume[] {
  return chosen.map((type, index) => Volume.make(type, { atMib: index * VOLUME_MIB }));
}

/** Plays a scene on a volume of each file system, one after the other. Its checks are said of the file system. */
export async function onEach(scene: (volume: Volume) => Promise<void>): Promise<void> {
  for (const volume of volumeOfEach()) {
    about(volume.type);
    await scene(volume);
  }
  about("");
}
