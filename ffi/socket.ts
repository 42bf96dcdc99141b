/** Unix-domain sockets: streams and datagrams, and who is at the other end. */
import { layout, setU64 } from "../src/wire/layout.ts";
import { check, Errno, errno } from "./errno.ts";
import { closeDescriptor, setNonBlocking } from "./file.ts";
import { libc } from "./libc.ts";
import { addressOf } from "./memory.ts";

// bits/socket.h, asm-generic/socket.h
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_PEERCRED = 17;
const SO_PEERSEC = 31;
const SO_PEERPIDFD = 77;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

const SOCKADDR_UN = layout("struct sockaddr_un", { sun_family: "u16", sun_path: ["bytes", 108] });
const UCRED = layout("struct ucred", { pid: "i32", uid: "u32", gid: "u32" });
const IOVEC = layout("struct iovec", { iov_base: "u64", iov_len: "u64" });
const MSGHDR = layout("struct msghdr", {
  msg_name: "u64",
  msg_namelen: "u32",
  msg_iov: "u64",
  msg_iovlen: "u64",
  msg_control: "u64",
  msg_controllen: "u64",
  msg_flags: "i32",
});

export const CONSTANTS = {
  AF_UNIX,
  SOCK_STREAM,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_NONBLOCK,
  SOCK_CLOEXEC,
  SOL_SOCKET,
  SO_TYPE,
  SO_ACCEPTCONN,
  SO_PEERCRED,
  SO_PEERSEC,
  SO_PEERPIDFD,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
};
export const STRUCTS = [SOCKADDR_UN, UCRED, IOVEC, MSGHDR];

export interface UnixAddress {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly length: number;
}

/** The socket address of a path, or of an abstract name that begins with `@`. Throws RangeError over 107 bytes. */
export function unixAddress(path: string): UnixAddress {
  const name = new TextEncoder().encode(path);
  if (name.length > 107) throw new RangeError(`socket path "${path}" is longer than 107 bytes`);
  const bytes = new Uint8Array(SOCKADDR_UN.size);
  new DataView(bytes.buffer).setUint16(SOCKADDR_UN.at.sun_family, AF_UNIX, true);
  bytes.set(name, SOCKADDR_UN.at.sun_path);
  const abstract = path.startsWith("@");
  if (abstract) bytes[SOCKADDR_UN.at.sun_path] = 0;
  return { bytes, length: SOCKADDR_UN.at.sun_path + name.length + (abstract ? 0 : 1) };
}

/** A stream socket, non-blocking unless told otherwise, closed by execve. Throws Errno. */
export function unixStream(blocking = false): number {
  const type = SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK);
  return check(libc.socket(AF_UNIX, type, 0), "socket");
}

/** A datagram socket, non-blocking, closed by execve. Throws Errno. */
export function unixDatagram(): number {
  return check(libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
}

/** Two connected sockets that keep messages apart, non-blocking, closed by execve. Throws Errno. */
export function seqpacketPair(): [number, number] {
  const ends = new Int32Array(2);
  const type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
  check(libc.socketpair(AF_UNIX, type, 0, new Uint8Array(ends.buffer)), "socketpair");
  return [ends[0], ends[1]];
}

/**
 * A connected socket that keeps messages apart, non-blocking, closed by execve. `waits`: for a listener that is behind, instead of EAGAIN.
 * Throws Errno naming the path.
 */
export function connectSeqpacket(path: string, waits = true): number {
  const type = SOCK_SEQPACKET | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK);
  const fd = check(libc.socket(AF_UNIX, type, 0), "socket");
  const code = connectUnix(fd, path);
  if (code < 0) closeDescriptor(fd);
  if (code < 0) throw new Errno(-code, "connect", path);
  setNonBlocking(fd);
  return fd;
}

/** Throws Errno naming the path. */
export function bindUnix(fd: number, path: string): void {
  const address = unixAddress(path);
  check(libc.bind(fd, address.bytes, address.length), "bind", path);
}

/** Throws Errno. */
export function listenSocket(fd: number, backlog: number): void {
  check(libc.listen(fd, backlog), "listen");
}

/** connect(2); 0 or −errno. */
export function connectUnix(fd: number, path: string): number {
  const address = unixAddress(path);
  return libc.connect(fd, address.bytes, address.length) < 0 ? -errno() : 0;
}

/** connect(2) to an abstract name that is padded with NULs to the full length, as libqb pads them; 0 or −errno. */
export function connectAbstract(fd: number, name: string): number {
  const { bytes } = unixAddress(`@${name}`);
  return libc.connect(fd, bytes, bytes.length) < 0 ? -errno() : 0;
}

/** The next connection, non-blocking and closed by execve, or −errno. */
export function acceptSocket(fd: number): number {
  const result = libc.accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return result < 0 ? -errno() : result;
}

const optionLength = new Uint32Array(1);
const optionLengthBytes = new Uint8Array(optionLength.buffer);

function socketOption(fd: number, option: number, value: Uint8Array<ArrayBuffer>): number {
  optionLength[0] = value.length;
  return libc.getsockopt(fd, SOL_SOCKET, option, value, optionLengthBytes);
}

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Who called connect(2) on the other end, as the kernel noted it (SO_PEERCRED). Throws Errno. */
export function peerCredentials(fd: number): Credentials {
  const value = new Uint8Array(UCRED.size);
  check(socketOption(fd, SO_PEERCRED, value), "getsockopt(SO_PEERCRED)");
  const view = new DataView(value.buffer);
  return {
    pid: view.getInt32(UCRED.at.pid, true),
    uid: view.getUint32(UCRED.at.uid, true),
    gid: view.getUint32(UCRED.at.gid, true),
  };
}

/**
 * A pidfd of the process that called connect(2), immune to reuse of its number (Linux 6.5), or −errno: ENOPROTOOPT where the
 * kernel lacks it, EMFILE, ENFILE and ENOMEM as usual; anything else means that the process is gone.
 */
export function peerProcess(fd: number): number {
  const value = new Int32Array(1);
  const result = socketOption(fd, SO_PEERPIDFD, new Uint8Array(value.buffer));
  return result < 0 ? -errno() : value[0];
}

/** The peer's security label (SO_PEERSEC), or undefined where no module gives one. */
export function peerSecurityLabel(fd: number): string | undefined {
  const value = new Uint8Array(4096);
  if (socketOption(fd, SO_PEERSEC, value) < 0) return undefined;
  return new TextDecoder().decode(value.subarray(0, optionLength[0])).replace(/\0+$/, "");
}

/** Whether a descriptor is a listening (true) or connected (false) stream socket; −errno when it is none. */
export function isListening(fd: number): boolean | number {
  const value = new Uint8Array(4);
  if (socketOption(fd, SO_ACCEPTCONN, value) < 0) return -errno();
  return value[0] !== 0;
}

/** The path a Unix socket is bound to, "" when it has none, `@name` when abstract. Throws Errno. */
export function socketPath(fd: number): string {
  const address = new Uint8Array(SOCKADDR_UN.size + 1);
  const length = new Uint32Array([SOCKADDR_UN.size]);
  check(libc.getsockname(fd, address, new Uint8Array(length.buffer)), "getsockname", String(fd));
  const path = address.subarray(SOCKADDR_UN.at.sun_path, length[0]);
  if (path.length === 0) return "";
  if (path[0] === 0) return "@" + new TextDecoder().decode(path.subarray(1));
  const end = path.indexOf(0);
  return new TextDecoder().decode(end < 0 ? path : path.subarray(0, end));
}

/** Sends the first `length` bytes, never waiting and never raising SIGPIPE; the count or −errno. */
export function sendBytes(fd: number, bytes: Uint8Array<ArrayBuffer>, length: number): number {
  const count = libc.send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  return count < 0 ? -errno() : count;
}

/** Sends one datagram to a path; the count or −errno. */
export function sendDatagram(fd: number, bytes: Uint8Array<ArrayBuffer>, to: UnixAddress): number {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  const count = libc.sendto(fd, bytes, bytes.length, flags, to.bytes, to.length);
  return count < 0 ? -errno() : count;
}

/**
 * One reused receive buffer with its msghdr. Descriptors that a peer passes never become this process's, since there is no room for
 * them (recvmsg(2), MSG_CTRUNC): no protocol of ours uses them, though some must know that one came, and to close one would drop the
 * record locks that this process has on the file (fcntl(2)).
 */
export class Receiver {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** Whether a descriptor came with the last receive; the kernel ends a receive at the byte that carried it. */
  descriptorCame = false;
  readonly #base: number;
  readonly #header = new Uint8Array(MSGHDR.size);
  readonly #headerView = new DataView(this.#header.buffer);
  readonly #vector = new Uint8Array(IOVEC.size);
  readonly #vectorView = new DataView(this.#vector.buffer);

  constructor(size: number) {
    this.buffer = new Uint8Array(size);
    this.view = new DataView(this.buffer.buffer);
    this.#base = Number(addressOf(this.buffer));
    setU64(this.#headerView, MSGHDR.at.msg_iov, Number(addressOf(this.#vector)));
    setU64(this.#headerView, MSGHDR.at.msg_iovlen, 1);
  }

  /** Receives up to `length` bytes at `offset` of the buffer; the count, 0 at the end of the stream, or −errno. */
  receive(fd: number, offset: number, length: number): number {
    setU64(this.#vectorView, IOVEC.at.iov_base, this.#base + offset);
    setU64(this.#vectorView, IOVEC.at.iov_len, length);
    const count = libc.recvmsg(fd, this.#header, MSG_DONTWAIT);
    if (count < 0) return -errno();
    this.descriptorCame = (this.#headerView.getInt32(MSGHDR.at.msg_flags, true) & MSG_CTRUNC) !== 0;
    return count;
  }
}
