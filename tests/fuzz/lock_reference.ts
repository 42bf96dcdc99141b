/**
 * The arguments of the lock program read a second way, slowly and plainly, from the prototypes of src/locking/lock_protocol.x of
 * libvirt 9.0.0: what the decoder of the daemon is compared with.
 */

type Kind = "uuid" | "name" | "path" | "flags" | "ownerId" | "ownerPid";

const ARGUMENTS: readonly (readonly Kind[])[] = [
  [],
  ["uuid", "name", "ownerId", "ownerPid", "flags"],
  ["flags"],
  ["path", "flags"],
  ["path", "name", "flags"],
  ["path", "name", "flags"],
  ["path", "name", "flags"],
  ["path", "name", "flags"],
  ["path"],
];

const STRING_MAX_BYTES = 65_536;

export type Arguments = Partial<Record<Kind, number | string>>;

/** Where reading stands. */
interface Place {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;
}

/** Reads the arguments of a procedure from [start, end); undefined when they end early or a string is too long. */
export function referenceArguments(
  procedure: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): Arguments | undefined {
  const place: Place = { bytes, at: start, end };
  const found: Arguments = {};
  for (const kind of ARGUMENTS[procedure]) {
    const value = kind === "uuid"
      ? readUuid(place)
      : kind === "name" || kind === "path"
      ? readString(place)
      : readWord(place);
    if (value === undefined) return undefined;
    found[kind] = value;
  }
  return found;
}

function readWord(place: Place): number | undefined {
  if (place.end - place.at < 4) return undefined;
  let value = 0;
  for (let i = 0; i < 4; i++) value = value * 256 + place.bytes[place.at++];
  return value;
}

/** As hexadecimal digits. */
function readUuid(place: Place): string | undefined {
  if (place.end - place.at < 16) return undefined;
  place.at += 16;
  return place.bytes.subarray(place.at - 16, place.at).toHex();
}

function readString(place: Place): string | undefined {
  const length = readWord(place);
  if (length === undefined || length > STRING_MAX_BYTES) return undefined;
  const start = place.at;
  place.at += 4 * Math.ceil(length / 4);
  if (place.at > place.end) return undefined;
  let text = "";
  for (let at = start; at < start + length && place.bytes[at] !== 0; at++) {
    text += String.fromCharCode(place.bytes[at]);
  }
  return text;
}
