/** Unix-domain sockets: streams and datagrams, credentials, passed descriptors. */
import { getU64, layout, setU64 } from "../src/wire/layout.ts";
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
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

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
const CMSGHDR = layout("struct cmsghdr", { cmsg_len: "u64", cmsg_level: "i32", cmsg_type: "i32" });

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
  SCM_RIGHTS,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_CMSG_CLOEXEC,
};
export const STRUCTS = [SOCKADDR_UN, UCRED, IOVEC, MSGHDR, CMSGHDR];

/** A message can carry at most this many descriptors (SCM_MAX_FD of the kernel's net/scm.h). */
const MAX_PASSED_DESCRIPTORS = 253;

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
 * One reused receive buffer with its msghdr. Descriptors that a peer passes are closed at once: no protocol of ours uses
 * them, but some must know that one came.
 */
export class Receiver {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** How many descriptors came with the last receive; the kernel ends a receive at the byte that carried them. */
  passedDescriptors = 0;
  readonly #base: number;
  readonly #header = new Uint8Array(MSGHDR.size);
  readonly #headerView = new DataView(this.#header.buffer);
  readonly #vector = new Uint8Array(IOVEC.size);
  readonly #vectorView = new DataView(this.#vector.buffer);
  readonly #control = new Uint8Array(CMSGHDR.size + 4 * MAX_PASSED_DESCRIPTORS + 4);
  readonly #controlView = new DataView(this.#control.buffer);

  constructor(size: number) {
    this.buffer = new Uint8Array(size);
    this.view = new DataView(this.buffer.buffer);
    this.#base = Number(addressOf(this.buffer));
    setU64(this.#headerView, MSGHDR.at.msg_iov, Number(addressOf(this.#vector)));
    setU64(this.#headerView, MSGHDR.at.msg_iovlen, 1);
    setU64(this.#headerView, MSGHDR.at.msg_control, Number(addressOf(this.#control)));
  }

  /** Receives up to `length` bytes at `offset` of the buffer; the count, 0 at the end of the stream, or −errno. */
  receive(fd: number, offset: number, length: number): number {
    setU64(this.#vectorView, IOVEC.at.iov_base, this.#base + offset);
    setU64(this.#vectorView, IOVEC.at.iov_len, length);
    setU64(this.#headerView, MSGHDR.at.msg_controllen, this.#control.length);
    const count = libc.recvmsg(fd, this.#header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0) return -errno();
    this.passedDescriptors = 0;
    const controlLength = getU64(this.#headerView, MSGHDR.at.msg_controllen);
    if (controlLength > 0) this.#closePassed(controlLength);
    return count;
  }

  #closePassed(controlLength: number): void {
    const view = this.#controlView;
    for (let at = 0; at + CMSGHDR.size <= controlLength;) {
      const end = at + getU64(view, at + CMSGHDR.at.cmsg_len);
      if (view.getInt32(at + CMSGHDR.at.cmsg_type, true) === SCM_RIGHTS) {
        for (let fd = at + CMSGHDR.size; fd + 4 <= end; fd += 4) {
          closeDescriptor(view.getInt32(fd, true));
          this.passedDescriptors++;
        }
      }
      at = Math.ceil(end / 8) * 8; // CMSG_ALIGN
    }
  }
}
