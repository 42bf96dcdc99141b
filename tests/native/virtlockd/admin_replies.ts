/** What differs from run to run in the replies of the admin program, made equal. */
import * as frames from "./client_frames.ts";

export const FIXED_TIMESTAMP = 1_700_000_000n;
export const FIXED_PID = 4242;

const HEADER_END = frames.LENGTH_BYTES + frames.HEADER_BYTES;
const LIST_SERVERS = 4;
const LIST_CLIENTS = 8;
const LOOKUP_CLIENT = 9;
const CLIENT_INFO = 10;
/** How far a timestamp may be from now to be taken for that of a connection of this run. */
const RUN_SECONDS = 600;

/**
 * A copy of a reply with servers in alphabetical order, clients that connected in the last ten minutes at FIXED_TIMESTAMP
 * and, where it is `pid`, FIXED_PID as their process.
 */
export function normalised(reply: Uint8Array, pid = Deno.pid): Uint8Array {
  const copy = reply.slice();
  const { program, procedure, status } = frames.decodeHeader(copy);
  if (program !== frames.Program.admin || status !== frames.Status.ok) return copy;
  if (procedure === LIST_SERVERS) sortServers(copy);
  if (procedure === LIST_CLIENTS) fixClients(copy);
  if (procedure === LOOKUP_CLIENT) fixClient(viewOf(copy), HEADER_END);
  if (procedure === CLIENT_INFO) fixPid(copy, pid);
  return copy;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The offset behind the XDR string at `at`. */
function skipString(view: DataView, at: number): number {
  return at + 4 + Math.ceil(view.getUint32(at) / 4) * 4;
}

function sortServers(reply: Uint8Array): void {
  const view = viewOf(reply);
  const names: Uint8Array[] = [];
  let at = HEADER_END + 4;
  for (let left = view.getUint32(HEADER_END); left > 0; left--) {
    const end = skipString(view, at);
    names.push(reply.slice(at, end));
    at = end;
  }
  names.sort((a, b) => frames.toHex(a.slice(4)) < frames.toHex(b.slice(4)) ? -1 : 1);
  reply.set(frames.concat(...names), HEADER_END + 4);
}

function fixClients(reply: Uint8Array): void {
  const view = viewOf(reply);
  let at = HEADER_END + 4;
  for (let left = view.getUint32(HEADER_END); left > 0; left--) at = fixClient(view, at);
}

/** `string server, u64 id, i64 timestamp, u32 transport` */
function fixClient(view: DataView, at: number): number {
  const timestamp = skipString(view, at) + 8;
  const age = Date.now() / 1000 - Number(view.getBigInt64(timestamp));
  if (Math.abs(age) < RUN_SECONDS) view.setBigInt64(timestamp, FIXED_TIMESTAMP);
  return timestamp + 8 + 4;
}

/** The parameter `unix_process_id` (16 bytes with its length of 15), of type 1. */
const pidField = frames.concat(frames.xdrString("unix_process_id"), frames.u32(1));

function fixPid(reply: Uint8Array, pid: number): void {
  for (let at = HEADER_END; at + pidField.length + 4 <= reply.length; at += 4) {
    if (!frames.sameBytes(reply.subarray(at, at + pidField.length), pidField)) continue;
    const view = viewOf(reply);
    if (view.getInt32(at + pidField.length) === pid) view.setInt32(at + pidField.length, FIXED_PID);
  }
}
