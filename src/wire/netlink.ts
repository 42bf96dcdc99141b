/**
 * A frame of the kernel's netlink connector: `struct nlmsghdr` and `struct cn_msg` (linux/netlink.h, linux/connector.h), in
 * the host's byte order, which is little-endian wherever Deno runs.
 *
 *     u32 length | u16 type | u16 flags | u32 seq | u32 pid | u32 idx | u32 val | u32 seq | u32 ack | u16 len | u16 flags | payload
 */
import { layout } from "./layout.ts";

export const NLMSGHDR = layout("struct nlmsghdr", {
  nlmsg_len: "u32",
  nlmsg_type: "u16",
  nlmsg_flags: "u16",
  nlmsg_seq: "u32",
  nlmsg_pid: "u32",
});

/** `struct cn_msg` with its `struct cb_id` unfolded. */
export const CN_MSG = layout("struct cn_msg", {
  idx: "u32",
  val: "u32",
  seq: "u32",
  ack: "u32",
  len: "u16",
  flags: "u16",
});

/** Where the payload begins. */
export const CONNECTOR_HEADER_BYTES = NLMSGHDR.size + CN_MSG.size;

const NLMSG_DONE = 3;

const at = {
  length: NLMSGHDR.at.nlmsg_len,
  type: NLMSGHDR.at.nlmsg_type,
  flags: NLMSGHDR.at.nlmsg_flags,
  netlinkSeq: NLMSGHDR.at.nlmsg_seq,
  pid: NLMSGHDR.at.nlmsg_pid,
  idx: NLMSGHDR.size + CN_MSG.at.idx,
  val: NLMSGHDR.size + CN_MSG.at.val,
  seq: NLMSGHDR.size + CN_MSG.at.seq,
  ack: NLMSGHDR.size + CN_MSG.at.ack,
  payload: NLMSGHDR.size + CN_MSG.at.len,
  cnFlags: NLMSGHDR.size + CN_MSG.at.flags,
} as const;

/** A connector's address: `struct cb_id`. */
export interface ConnectorId {
  readonly idx: number;
  readonly val: number;
}

/** A decoded frame. Reused: overwritten by each decodeConnector(). */
export interface ConnectorFrame {
  seq: number;
  ack: number;
  payloadBytes: number;
}

/** Why a frame is none for us: cut short, not data, or of another connector. */
export type ConnectorVerdict = "ok" | "short" | "notData" | "foreign";

/**
 * Reads the frame in the first `length` bytes. recv() rounds nlmsg_len up to 4, so that `cn_msg.len` is what counts, not
 * `length`.
 */
export function decodeConnector(
  view: DataView,
  length: number,
  id: ConnectorId,
  frame: ConnectorFrame,
): ConnectorVerdict {
  if (length < CONNECTOR_HEADER_BYTES) return "short";
  if (view.getUint16(at.type, true) !== NLMSG_DONE) return "notData";
  if (view.getUint32(at.idx, true) !== id.idx || view.getUint32(at.val, true) !== id.val) {
    return "foreign";
  }
  frame.seq = view.getUint32(at.seq, true);
  frame.ack = view.getUint32(at.ack, true);
  frame.payloadBytes = view.getUint16(at.payload, true);
  return frame.payloadBytes <= length - CONNECTOR_HEADER_BYTES ? "ok" : "short";
}

/** Writes the headers before a payload that stands in its place, and returns the length of the frame. */
export function encodeConnector(
  view: DataView,
  id: ConnectorId,
  pid: number,
  frame: ConnectorFrame,
): number {
  const length = CONNECTOR_HEADER_BYTES + frame.payloadBytes;
  view.setUint32(at.length, length, true);
  view.setUint16(at.type, NLMSG_DONE, true);
  view.setUint16(at.flags, 0, true);
  view.setUint32(at.netlinkSeq, 0, true);
  view.setUint32(at.pid, pid, true);
  view.setUint32(at.idx, id.idx, true);
  view.setUint32(at.val, id.val, true);
  view.setUint32(at.seq, frame.seq, true);
  view.setUint32(at.ack, frame.ack, true);
  view.setUint16(at.payload, frame.payloadBytes, true);
  view.setUint16(at.cnFlags, 0, true);
  return length;
}
