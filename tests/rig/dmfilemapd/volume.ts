/** A device-mapper device with a file system, for one scenario. */
import { sh } from "../../../tasks/rig/guest/guest.ts";
import { Stats } from "./stats.ts";

/** ext4 or xfs: the tests run each scenario on both. */
export const type: string = Deno.env.get("FS") ?? "ext4";

const SECTORS_PER_MIB = 2048;

export interface VolumeOptions {
  /** Where on the disk it begins. */
  readonly atMib?: number;
  readonly type?: string;
  readonly mkfs?: string;
  readonly mount?: string;
}

/** Without journal writes for as long as a scenario takes, but for those that fsync wants. */
const quiet: Readonly<Record<string, string>> = { ext4: "noatime,commit=900", xfs: "noatime" };
/** XFS makes none below 300 MB; no discard and no lazy inode tables, so that nothing is written behind our back. */
const mkfs: Readonly<Record<string, string>> = {
  ext4: "mkfs.ext4 -q -E nodiscard,lazy_itable_init=0,lazy_journal_init=0",
  xfs: "mkfs.xfs -q -K",
  btrfs: "mkfs.btrfs -q -K",
};

export class Volume {
  readonly stats: Stats;

  private constructor(readonly name: string, readonly folder: string) {
    this.stats = new Stats(Deno.statSync(folder).dev);
  }

  /** Makes a linear device on /dev/rig/data, and a file system on it, mounted at /mnt/NAME. */
  static make(name: string, mib: number, options: VolumeOptions = {}): Volume {
    const { atMib = 0, type: kind = type } = options;
    const table = `0 ${mib * SECTORS_PER_MIB} linear /dev/rig/data ${atMib * SECTORS_PER_MIB}`;
    sh(`dmsetup create ${name} --table "${table}"`);
    sh(`${options.mkfs ?? mkfs[kind]} /dev/mapper/${name}`);
    const folder = `/mnt/${name}`;
    sh(
      `mkdir -p ${folder} && mount -t ${kind} -o ${
        options.mount ?? quiet[kind] ?? "noatime"
      } /dev/mapper/${name} ${folder}`,
    );
    return new Volume(name, folder);
  }

  get path(): string {
    return `/dev/mapper/${this.name}`;
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
