/** What outlives the daemon: the state of each mirror and the last request's number, in files that are memory. */
import { Errno } from "../../../ffi/errno.ts";
import { unlinkPath } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { mapFile, releaseMemory, type SharedMemory } from "../../../ffi/shared_memory.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import { stateFileName } from "../mirror_state.ts";

const MODE = 0o600;
/** magic, number */
const SEQUENCE_BYTES = 8;
const SEQUENCE_MAGIC = 0x7165_7363;

export class StateFiles {
  readonly #log: Logger = logger("cmirrord", "state");
  readonly #mapped = new Map<string, SharedMemory>();

  constructor(private readonly directory: string) {}

  /** What an earlier daemon left of a mirror, or zeros. Without a file the state is lost with the process. */
  open(identity: Uint8Array, bytes: number): Uint8Array {
    const path = this.#pathOf(identity);
    try {
      const memory = mapFile(path, bytes, MODE);
      this.#mapped.set(path, memory);
      return memory.bytes;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.#log.error("the state of a mirror would not survive the daemon: {error}", { error });
      return new Uint8Array(bytes);
    }
  }

  drop(identity: Uint8Array): void {
    const path = this.#pathOf(identity);
    const memory = this.#mapped.get(path);
    if (memory === undefined) return;
    this.#mapped.delete(path);
    unlinkPath(cString(path));
    releaseMemory(memory);
  }

  #pathOf(identity: Uint8Array): string {
    return `${this.directory}/${stateFileName(identity)}`;
  }
}

/** The number of the last request that was read from the kernel. */
export class SequenceFile {
  readonly #view: DataView;
  /** What an earlier daemon has left; undefined without one. */
  readonly previous: number | undefined;

  /** Throws Errno. */
  constructor(path: string) {
    const { bytes } = mapFile(path, SEQUENCE_BYTES, MODE);
    this.#view = new DataView(bytes.buffer);
    const isKnown = this.#view.getUint32(0, true) === SEQUENCE_MAGIC;
    this.previous = isKnown ? this.#view.getUint32(4, true) : undefined;
    this.#view.setUint32(0, SEQUENCE_MAGIC, true);
  }

  note(seq: number): void {
    this.#view.setUint32(4, seq, true);
  }
}
