/** Sockets of the kernel's netlink connector (linux/netlink.h, linux/connector.h). */
import { layout } from "../src/wire/layout.ts";
import { check, errno } from "./errno.ts";
import { closeDescriptor } from "./file.ts";
import { libc } from "./libc.ts";

const AF_NETLINK = 16;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_CONNECTOR = 11;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;

const SOCKADDR_NL = layout("struct sockaddr_nl", {
  nl_family: "u16",
  nl_pad: "u16",
  nl_pid: "u32",
  nl_groups: "u32",
});

export const CONSTANTS = {
  AF_NETLINK,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_CLOEXEC,
  NETLINK_CONNECTOR,
  SOL_NETLINK,
  NETLINK_ADD_MEMBERSHIP,
  SOL_SOCKET,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  MSG_DONTWAIT,
};
export const STRUCTS = [SOCKADDR_NL];

/** The kernel's own port id: what comes from another was sent by a program. */
const KERNEL_PORT = 0;

function setOption(fd: number, level: number, option: number, value: number): number {
  const bytes = new Uint8Array(new Uint32Array([value]).buffer);
  return libc.setsockopt(fd, level, option, bytes, bytes.length);
}

/** A socket to the kernel's connector (linux/connector.h). */
export class ConnectorSocket {
  readonly #sender = new Uint8Array(SOCKADDR_NL.size);
  readonly #senderView = new DataView(this.#sender.buffer);
  readonly #senderLength = new Uint32Array(1);
  readonly #senderLengthBytes = new Uint8Array(this.#senderLength.buffer);

  private constructor(readonly fd: number) {}

  /** A socket that hears nothing yet; non-blocking, closed by execve. Throws Errno. */
  static open(): ConnectorSocket {
    const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    return new ConnectorSocket(
      check(libc.socket(AF_NETLINK, type, NETLINK_CONNECTOR), "socket(NETLINK_CONNECTOR)"),
    );
  }

  /** Binds it under a port id that the kernel chooses. Throws Errno. */
  bind(): void {
    const address = new Uint8Array(SOCKADDR_NL.size);
    new DataView(address.buffer).setUint16(SOCKADDR_NL.at.nl_family, AF_NETLINK, true);
    check(libc.bind(this.fd, address, address.length), "bind(NETLINK_CONNECTOR)");
  }

  /** Joins a group by its number: not a bit of a mask, which would be other groups, too. Needs CAP_NET_ADMIN. Throws Errno. */
  hear(group: number): void {
    check(setOption(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group), "setsockopt(group)");
  }

  /** Asks for so much room for what was not read yet; gets what it can. */
  setReceiveRoom(bytes: number): void {
    if (setOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) < 0) {
      setOption(this.fd, SOL_SOCKET, SO_RCVBUF, bytes);
    }
  }

  /** The next datagram: its length, or −errno. `isFromKernel` tells of it. */
  receive(buffer: Uint8Array<ArrayBuffer>): number {
    this.#senderLength[0] = this.#sender.length;
    const count = libc.recvfrom(
      this.fd,
      buffer,
      buffer.length,
      MSG_DONTWAIT,
      this.#sender,
      this.#senderLengthBytes,
    );
    return count < 0 ? -errno() : count;
  }

  get isFromKernel(): boolean {
    return this.#senderView.getUint32(SOCKADDR_NL.at.nl_pid, true) === KERNEL_PORT;
  }

  /** Sends the first `length` bytes to the kernel, which has dealt with them on return; the count or −errno. */
  send(bytes: Uint8Array<ArrayBuffer>, length: number): number {
    const count = libc.send(this.fd, bytes, length, MSG_DONTWAIT);
    return count < 0 ? -errno() : count;
  }

  close(): void {
    closeDescriptor(this.fd);
  }
}
