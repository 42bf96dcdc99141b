/** One descriptor, looked at or waited for outside the reactor. */
import { layout } from "../src/wire/layout.ts";
import { EAGAIN, EINTR, EPIPE, errno } from "./errno.ts";
import { libc } from "./libc.ts";

// poll.h
export const POLLIN = 0x001;
export const POLLOUT = 0x004;

const POLLFD = layout("struct pollfd", { fd: "i32", events: "i16", revents: "i16" });

/** limits.h: what a writable pipe takes at once. Sockets and terminals that poll as writable take more. */
export const PIPE_BUF = 4096;

export const CONSTANTS = { POLLIN, POLLOUT, PIPE_BUF };
export const STRUCTS = [POLLFD];

const record = new Uint8Array(POLLFD.size);
const view = new DataView(record.buffer);

/** poll(2) for one descriptor: what happened, 0 when nothing did in time or a signal came, or −errno. −1: wait for ever. */
export function pollDescriptor(fd: number, events: number, timeoutMs: number): number {
  view.setInt32(POLLFD.at.fd, fd, true);
  view.setInt16(POLLFD.at.events, events, true);
  view.setInt16(POLLFD.at.revents, 0, true);
  const count = libc.poll(record, 1, timeoutMs);
  if (count < 0) return errno() === EINTR ? 0 : -errno();
  return view.getInt16(POLLFD.at.revents, true);
}

/**
 * Writes up to PIPE_BUF bytes to a descriptor that others share, such as standard error, if it takes them now; the count or
 * −errno (EAGAIN: it does not; EPIPE: it never will). O_NONBLOCK would not do: it belongs to the open file, which the shell that started us has, too.
 */
export function writeWithoutWaiting(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  const ready = pollDescriptor(fd, POLLOUT, 0);
  if (ready !== POLLOUT) return ready === 0 ? -EAGAIN : -EPIPE;
  const count = libc.write(fd, bytes, Math.min(bytes.length, PIPE_BUF));
  return count < 0 ? -errno() : count;
}
