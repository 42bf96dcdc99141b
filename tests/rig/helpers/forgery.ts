/** Requests that are not the kernel's: a program with root's rights sends them to the group that the daemon hears. In a guest only. */
import { libc } from "../../../ffi/libc.ts";
import { ConnectorSocket } from "../../../ffi/netlink.ts";
import { DM_CONNECTOR, DM_ULOG_REQUEST, ULOG_BYTES } from "../../../daemons/cmirrord/ulog.ts";
import { CONNECTOR_HEADER_BYTES, encodeConnector } from "../../../src/wire/netlink.ts";

const AF_NETLINK = 16;
/** struct sockaddr_nl of linux/netlink.h: family, padding, port, mask of groups. */
const ADDRESS_BYTES = 12;
const GROUPS_AT = 8;
/** No request of the kernel has it: numbers begin at 0. */
const NOBODYS_SEQ = 0xfff0_0000;

/** What a request says, its identity being that of a mirror: luid and uuid, as in the first bytes of its state file's head. */
export function forgedFrame(identity: Uint8Array, type: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CONNECTOR_HEADER_BYTES + ULOG_BYTES);
  const view = new DataView(bytes.buffer);
  encodeConnector(view, DM_CONNECTOR, 0, { seq: NOBODYS_SEQ, ack: 0, payloadBytes: ULOG_BYTES });
  const { at } = DM_ULOG_REQUEST;
  const put = (offset: number, value: number): void =>
    view.setUint32(CONNECTOR_HEADER_BYTES + offset, value, true);
  bytes.set(identity, CONNECTOR_HEADER_BYTES + at.luid);
  put(at.version, 3);
  put(at.seq, NOBODYS_SEQ);
  put(at.request_type, type);
  return bytes;
}

/** Sends a frame so often to whoever hears the kernel's log requests. */
export function forge(frame: Uint8Array<ArrayBuffer>, count: number): void {
  const socket = ConnectorSocket.open();
  socket.bind();
  const address = new Uint8Array(ADDRESS_BYTES);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(GROUPS_AT, 1 << DM_CONNECTOR.idx - 1, true);
  if (libc.connect(socket.fd, address, address.length) < 0) throw new Error("connect");
  for (let i = 0; i < count; i++) socket.send(frame, frame.length);
  socket.close();
}
