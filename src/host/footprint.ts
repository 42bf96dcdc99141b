/** Memory that start-up needed and service does not. */
import { dropPages, readMappings } from "../../ffi/mappings.ts";
import { Errno } from "../../ffi/errno.ts";

/**
 * Gives back the machine code that only start-up ran (parsing options, compiling JavaScript, …): some 25 MB of our file that are
 * counted as ours while nobody uses them. Only executable mappings of files, which nothing ever writes to; what is still needed
 * comes back from the page cache at its next use.
 */
export function releaseStartupCode(): void {
  try {
    for (const mapping of readMappings()) {
      if (mapping.permissions === "r-xp" && mapping.path.startsWith("/")) dropPages(mapping);
    }
  } catch (error) {
    // Without /proc it stays as it is.
    if (!(error instanceof Errno)) throw error;
  }
}

/**
 * Work brings code in, too. Gives it back when there is nothing to do: the first time, which had most to compile, and then not each
 * time, since what comes next would wait for it.
 */
export class WorkRelease {
  #done: number;

  /** `every`: pieces of work after which it is worth it. */
  constructor(private readonly every: number) {
    this.#done = every;
  }

  /** A piece of work is done; `isIdle`: and there is no other. */
  did(isIdle: boolean): void {
    this.#done++;
    if (!isIdle || this.#done < this.every) return;
    this.#done = 0;
    releaseStartupCode();
  }
}
