/** What STATUS_INFO and STATUS_TABLE answer, byte for byte, without a NUL. */
import type { ByteString } from "../../src/wire/bytes.ts";
import type { Construction } from "./constructor.ts";

/** `device`: major:minor of the log device; undefined for a core log. D after a failed write, else A. */
export function statusInfo(device: string | undefined, failed: boolean): ByteString {
  if (device === undefined) return "1 clustered-core";
  return `3 clustered-disk ${device} ${failed ? "D" : "A"}`;
}

/** Each word is followed by a space, those that are left out too: a default core log ends in two. */
export function statusTable(device: string | undefined, construction: Construction): ByteString {
  const { regionSizeSectors, sync, blockOnError } = construction;
  const head = device === undefined ? "clustered-core" : `clustered-disk ${device}`;
  const syncWord = sync === "default" ? "" : `${sync} `;
  return `${head} ${regionSizeSectors} ${syncWord}${blockOnError ? "block_on_error" : ""} `;
}
