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
