/** How large a state will be, told before it is made: what clients have half said can be more than the heap holds as text. */
import { FOREIGN_STATE_LIMIT_BYTES, STATE_LIMIT_BYTES } from "../limits.ts";
import type { ProgramKind } from "../../../src/host/reexec.ts";
import { allClients, type Service } from "./handover.ts";

/** Base64 has four characters for three bytes. */
const BASE64_GROWTH = 4 / 3;

/** What names and owners take; a path is written besides the name that it ends in. */
function nameBytes({ lockService, lockServer }: Service): number {
  let bytes = 0;
  for (const { directory, resources } of lockService.machine.table.lockspaces()) {
    bytes += directory.length;
    for (const { name, owners } of resources.values()) {
      bytes += 2 * name.length + directory.length + owners.length;
    }
  }
  for (const { owner } of lockServer.clients.values()) bytes += owner?.name.length ?? 0;
  return bytes;
}

/** The state for a program of this kind is at least so large. */
export function leastStateBytes(service: Service, kind: ProgramKind): number {
  const names = nameBytes(service);
  if (kind === "other") return names;
  const halfDone = allClients(service).map(({ connection }) => connection.halfDoneBytes);
  return names + Math.ceil(BASE64_GROWTH * halfDone.reduce((sum, bytes) => sum + bytes, 0));
}

/** Throws an Error when a program of this kind would not read so much. */
export function checkStateSize(bytes: number, kind: ProgramKind, atLeast = ""): void {
  const limit = kind === "ours" ? STATE_LIMIT_BYTES : FOREIGN_STATE_LIMIT_BYTES;
  if (bytes > limit) {
    throw new Error(`the state has ${atLeast}${bytes} bytes, the limit is ${limit}`);
  }
}
