/** A device-mapper device and its statistics, by messages to the kernel. */
import { DeviceMapper } from "../../../ffi/devicemapper.ts";
import { ENODEV, ENOENT, ENOMEM, ENXIO, Errno, strerror } from "../../../ffi/errno.ts";
import { readWholeFile, statPath } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { pollDescriptor } from "../../../ffi/poll.ts";
import { ANSWER_MAX_BYTES, FREED_STEP_MS, FREED_WAIT_MS } from "../limits.ts";
import {
  type Counters,
  createMessage,
  deleteMessage,
  listMessage,
  parseId,
  parseList,
  parsePrint,
  printMessage,
  type Region,
  type RegionRequest,
  setAuxMessage,
} from "../stats.ts";
import { isMemory, type StatsDevice, StatsError, type StatsErrorKind } from "../stats_device.ts";

/** `MAJOR:MINOR` of a device number as stat(2) gives it (new_encode_dev of linux/kdev_t.h). */
export function deviceName(device: number): string {
  const major = Math.floor(device / 256) & 0xfff;
  const minor = (device & 0xff) | (Math.floor(device / 4096) & 0xfff00);
  return `${major}:${minor}`;
}

/** Whether the number is that of a device-mapper device: only those have a `dm` folder in sysfs. */
export function isDeviceMapper(device: number): boolean {
  return statPath(cString(`/sys/dev/block/${deviceName(device)}/dm`)) === 0;
}

/** The device's size in sectors. Throws Errno. */
export function deviceSectors(device: number): number {
  const text = readWholeFile(`/sys/dev/block/${deviceName(device)}/size`, 64);
  return Number(new TextDecoder().decode(text));
}

/** Opens /dev/mapper/control. Throws Errno. */
export function openControl(): DeviceMapper {
  const control = DeviceMapper.open(ANSWER_MAX_BYTES);
  if (typeof control === "number") throw new Errno(-control, "open", "/dev/mapper/control");
  return control;
}

const KINDS: Readonly<Record<number, StatsErrorKind>> = {
  [ENOMEM]: "memory",
  [ENXIO]: "device",
  [ENODEV]: "device",
};

export class KernelStats implements StatsDevice {
  /** Regions were deleted whose memory may not have been given back. */
  #isFreeing = false;
  #isListStale = false;

  constructor(
    private readonly control: DeviceMapper,
    readonly device: number,
    /** Told of every message, for the most verbose log. */
    private readonly trace: (text: string) => void,
    /** Whether others have used device-mapper since the last call. */
    private readonly takeUse: () => boolean,
    private readonly sleep = (ms: number): unknown => pollDescriptor(-1, 0, ms),
  ) {}

  list(): Region[] {
    // What is used from here on is news.
    this.takeUse();
    this.#isListStale = false;
    return this.#rows();
  }

  highestId(): number {
    return this.#rows().at(-1)?.id ?? 0;
  }

  #rows(): Region[] {
    this.#send(listMessage());
    return parseList(this.control.answer);
  }

  isListStale(): boolean {
    this.#isListStale ||= this.takeUse();
    return this.#isListStale;
  }

  create(request: RegionRequest): number {
    const message = createMessage(request);
    if (!this.#sendPatiently(message)) throw new StatsError("device", `${message}: no such device`);
    const id = parseId(this.control.answer);
    if (id === undefined) throw new StatsError("refused", `${message}: "${this.control.answer}"`);
    return id;
  }

  remove(id: number): boolean {
    this.#isFreeing = true;
    return this.#send(deleteMessage(id));
  }

  setAux(id: number, aux: string): boolean {
    return this.#send(setAuxMessage(id, aux));
  }

  print(id: number): Counters | undefined {
    return this.#send(printMessage(id)) ? parsePrint(this.control.answer) : undefined;
  }

  /** As #send(). The memory of a deleted region is given back after an RCU grace period (dm_stats_delete): it is waited for. */
  #sendPatiently(message: string): boolean {
    for (let leftMs = FREED_WAIT_MS; this.#isFreeing && leftMs > 0; leftMs -= FREED_STEP_MS) {
      try {
        return this.#send(message);
      } catch (error) {
        if (!isMemory(error)) throw error;
        this.sleep(FREED_STEP_MS);
      }
    }
    this.#isFreeing = false;
    return this.#send(message);
  }

  /** False for ENOENT, which is what the kernel says of a region that is not there. Throws StatsError. */
  #send(message: string): boolean {
    this.trace(message);
    const code = -this.control.message(this.device, message);
    if (code === ENOENT) return false;
    if (code === 0) return true;
    const where = `device-mapper: message ioctl on  (${deviceName(this.device)}) failed`;
    throw new StatsError(KINDS[code] ?? "refused", `${where}: ${strerror(code)}`);
  }
}
