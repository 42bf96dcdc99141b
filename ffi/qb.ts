/**
 * libqb's handshake, as far as it takes to learn whether a server answers at all.
 *
 * The libraries of corosync wait without limit for a server that is stopped. So a connection of our own, which never waits, goes ahead:
 * a server that answers it answers theirs.
 */
import { layout } from "../src/wire/layout.ts";
import { EAGAIN, Errno } from "./errno.ts";
import { closeDescriptor } from "./file.ts";
import { connectAbstract, sendBytes, unixStream } from "./socket.ts";

/** struct qb_ipc_connection_request of libqb's lib/ipc_int.h; its members are aligned to 8 bytes. */
const REQUEST = layout("struct qb_ipc_connection_request", {
  id: "i32",
  pad1: "u32",
  size: "i32",
  pad2: "u32",
  max_msg_size: "u32",
  pad3: "u32",
});
/** QB_IPC_MSG_AUTHENTICATE of the same header. */
const AUTHENTICATE = -1;
const SMALLEST_MAX_BYTES = 12_288;

/**
 * Begins to probe a server of libqb by its abstract name, such as `cmap`: a descriptor that becomes readable with the answer, and is
 * the caller's to close; or −errno. EAGAIN: its queue of connections is full, so it takes none. ECONNREFUSED: nobody listens there.
 * EMFILE: we have no descriptor left to ask.
 */
export function probeServer(name: string): number {
  const fd = streamOrErrno();
  if (fd < 0) return fd;
  const code = connectAbstract(fd, name);
  if (code === 0) {
    const bytes = new Uint8Array(REQUEST.size);
    const view = new DataView(bytes.buffer);
    view.setInt32(REQUEST.at.id, AUTHENTICATE, true);
    view.setInt32(REQUEST.at.size, REQUEST.size, true);
    view.setUint32(REQUEST.at.max_msg_size, SMALLEST_MAX_BYTES, true);
    const sent = sendBytes(fd, bytes, bytes.length);
    if (sent === bytes.length) return fd;
  }
  closeDescriptor(fd);
  return code === 0 ? -EAGAIN : code;
}

function streamOrErrno(): number {
  try {
    return unixStream();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return -error.code;
  }
}
