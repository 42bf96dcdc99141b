/** Two connected Unix sockets in this process: one for the code under test, one to play its peer with. */
import { check } from "../../../../ffi/errno.ts";
import { closeDescriptor, O_RDONLY, openFile } from "../../../../ffi/file.ts";
import { addressOf, cString } from "../../../../ffi/memory.ts";
import { openLibrary } from "../../../../ffi/open.ts";
import { sendBytes } from "../../../../ffi/socket.ts";

const libc = openLibrary("libc.so.6", {
  // int socketpair(int domain, int type, int protocol, int sv[2])
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags)
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // ssize_t recv(int sockfd, void *buf, size_t len, int flags)
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  // int shutdown(int sockfd, int how)
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
});

// Bound here and now: a library that a test binds counts as a leak of its own.
for (const name of Object.keys(libc) as (keyof typeof libc)[]) void libc[name];

// bits/socket.h, bits/socket_type.h
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SHUT_WR = 1;

/** The peer's end. Nothing here waits. */
export class Peer {
  #isClosed = false;
  readonly #buffer = new Uint8Array(65_536);

  constructor(readonly fd: number) {}

  /** Sends what fits, and says how much that was. */
  sendSome(bytes: Uint8Array<ArrayBuffer>): number {
    return Math.max(0, sendBytes(this.fd, bytes, bytes.length));
  }

  /** Sends everything; it must fit. */
  send(bytes: Uint8Array): void {
    const count = sendBytes(this.fd, bytes.slice(), bytes.length);
    if (count !== bytes.length) throw new Error(`sent ${count} of ${bytes.length} bytes`);
  }

  /** Sends one byte that carries a descriptor of nothing. */
  sendDescriptor(): void {
    const fd = check(openFile(cString("/dev/null"), O_RDONLY, 0), "open");
    this.passDescriptor(fd);
    closeDescriptor(fd);
  }

  /** Sends one byte that carries this descriptor, which stays open here. */
  passDescriptor(fd: number): void {
    // struct cmsghdr with one descriptor, padded by CMSG_SPACE; struct iovec; struct msghdr.
    const control = new Uint8Array(24);
    const controlView = new DataView(control.buffer);
    controlView.setBigUint64(0, 20n, true);
    controlView.setInt32(8, SOL_SOCKET, true);
    controlView.setInt32(12, SCM_RIGHTS, true);
    controlView.setInt32(16, fd, true);
    const byte = new Uint8Array(1);
    const vector = new BigUint64Array([addressOf(byte), 1n]);
    const vectorBytes = new Uint8Array(vector.buffer);
    const message = new BigUint64Array([
      0n,
      0n,
      addressOf(vectorBytes),
      1n,
      addressOf(control),
      24n,
      0n,
    ]);
    check(libc.sendmsg(this.fd, new Uint8Array(message.buffer), 0), "sendmsg");
  }

  /** Everything that has come so far. */
  received(): Uint8Array<ArrayBuffer> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (;;) {
      const count = libc.recv(this.fd, this.#buffer, this.#buffer.length, 0);
      if (count <= 0) break;
      pieces.push(this.#buffer.slice(0, count));
    }
    const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    pieces.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0);
    return all;
  }

  /** Whether the other end has closed; to be asked when everything was received. */
  get isEnded(): boolean {
    return libc.recv(this.fd, this.#buffer, 1, 0) === 0;
  }

  shutdown(): void {
    check(libc.shutdown(this.fd, SHUT_WR), "shutdown");
  }

  close(): void {
    if (!this.#isClosed) closeDescriptor(this.fd);
    this.#isClosed = true;
  }
}

/** Our end, not blocking, and the peer's. */
export function socketPair(): { fd: number; peer: Peer } {
  const pair = new Int32Array(2);
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  check(libc.socketpair(AF_UNIX, type, 0, new Uint8Array(pair.buffer)), "socketpair");
  return { fd: pair[0], peer: new Peer(pair[1]) };
}
