/** The memory over the daemon's end: a file below /run, and so forgotten with the kernel that it speaks of. */
import { ENOENT, Errno } from "../../../ffi/errno.ts";
import { readWholeFile, renameFile, writeWholeFile } from "../../../ffi/file.ts";
import { logger } from "../../../src/host/log.ts";
import type { Reactor, Timer } from "../../../src/host/reactor.ts";
import { STATE_LIMIT_BYTES } from "../limits.ts";
import { decodeMemory, encodeMemory, type Memory } from "../memory.ts";

const MODE = 0o600;
/** Changes that come together are written together. */
const SAVE_AFTER_MS = 200;
/** What could not be written is tried again: there may be room by then. */
const RETRY_MS = 30_000;

/** What an earlier run left; nothing where there is no file, or one that makes no sense. */
export function loadMemory(path: string): Memory {
  try {
    return decodeMemory(new TextDecoder().decode(readWholeFile(path, STATE_LIMIT_BYTES)));
  } catch (error) {
    if (!(error instanceof Errno && error.code === ENOENT)) {
      logger("mdmpd", "state").warn("nothing is remembered: {path}: {error}", { path, error });
    }
    return new Map();
  }
}

export class StateFile {
  #saved = "";
  #timer: Timer | undefined;
  #failing = false;

  constructor(
    private readonly reactor: Reactor,
    private readonly path: string,
    private readonly memory: Memory,
    /** Uuids of the arrays that are there: the others are forgotten. */
    private readonly present: () => ReadonlySet<string>,
  ) {}

  /** To be called when something may have changed. */
  touch(): void {
    this.#timer ??= this.reactor.after(SAVE_AFTER_MS, () => this.save());
  }

  save(): void {
    this.reactor.cancel(this.#timer);
    this.#timer = undefined;
    const present = this.present();
    const text = encodeMemory(new Map([...this.memory].filter(([uuid]) => present.has(uuid))));
    if (text !== this.#saved) this.#write(text);
  }

  #write(text: string): void {
    try {
      const fresh = `${this.path}.new`;
      writeWholeFile(fresh, new TextEncoder().encode(text), MODE);
      renameFile(fresh, this.path);
      this.#saved = text;
      this.#failing = false;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.#tryAgain(error);
    }
  }

  /** Said once, until it works again. */
  #tryAgain(error: Errno): void {
    if (!this.#failing) {
      logger("mdmpd", "state").error("cannot save what is remembered: {error}", { error });
    }
    this.#failing = true;
    this.#timer = this.reactor.after(RETRY_MS, () => this.save());
  }
}
