/** Socket activation, sd_listen_fds_with_names(3): listening descriptors that the service manager made for us. */
import { setCloseOnExec } from "../../ffi/file.ts";
import { processId } from "../../ffi/process.ts";

const FIRST_DESCRIPTOR = 3;

/** Thrown when the manager passed descriptors whose names cannot be told. */
export class ActivationError extends Error {
  override name = "ActivationError";
}

/**
 * The passed descriptors by name, and removes the variables that announce them, since they are not for our successors.
 * Empty when nothing was passed to this very process. Throws ActivationError.
 */
export function takeActivated(environment: Map<string, string>): Map<string, number> {
  const pid = environment.get("LISTEN_PID");
  const count = Number(environment.get("LISTEN_FDS") ?? "0");
  const names = environment.get("LISTEN_FDNAMES");
  if (pid !== String(processId()) || !(count > 0)) return new Map();
  environment.delete("LISTEN_PID");
  environment.delete("LISTEN_FDS");
  const list = names?.split(":") ?? [];
  if (list.length !== count) {
    throw new ActivationError(
      `LISTEN_FDS is ${count}, but LISTEN_FDNAMES names ${list.length}: set FileDescriptorName= in every socket unit`,
    );
  }
  list.forEach((_, i) => setCloseOnExec(FIRST_DESCRIPTOR + i, true));
  return new Map(list.map((name, i) => [name, FIRST_DESCRIPTOR + i]));
}
