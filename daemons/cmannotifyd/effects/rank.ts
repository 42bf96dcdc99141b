/** Coming before others: when the processor is given out, and when memory runs out. */
import { Errno, strerror } from "../../../ffi/errno.ts";
import { closeDescriptor, O_CLOEXEC, O_WRONLY, openFile, writeAll } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { scheduleRealtime } from "../../../ffi/process.ts";
import { logger } from "../../../src/host/log.ts";
import { OOM_SCORE, REALTIME_PRIORITY } from "../limits.ts";
import type { RunSettings } from "./settings.ts";

/** Done behind the start of the runner, which does it for itself. What is refused is said and done without. */
export function takeRank({ realtime, protectFromOom }: RunSettings): void {
  const log = logger("cmannotifyd");
  const code = realtime ? scheduleRealtime(REALTIME_PRIORITY) : 0;
  if (code < 0) log.warn("no realtime scheduling: {reason}", { reason: strerror(-code) });
  const refused = protectFromOom ? setOomScore(OOM_SCORE) : undefined;
  if (refused !== undefined) log.warn("no protection from the OOM killer: {refused}", { refused });
}

const OOM_SCORE_FILE = "/proc/self/oom_score_adj";

/** What processes that are started from now on will have, too. Returns why it is refused (EACCES: wants CAP_SYS_RESOURCE). */
export function setOomScore(score: number): Errno | undefined {
  const fd = openFile(cString(OOM_SCORE_FILE), O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return new Errno(-fd, "open", OOM_SCORE_FILE);
  try {
    writeAll(fd, new TextEncoder().encode(String(score)), OOM_SCORE_FILE);
  } catch (error) {
    if (error instanceof Errno) return error;
    throw error;
  } finally {
    closeDescriptor(fd);
  }
  return undefined;
}
