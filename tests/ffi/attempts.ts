/**
 * Things that a confined process may try, each one or two system calls. Every one answers 0 or the errno it met, and takes back
 * what it did.
 */
import { errno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { cString } from "../../ffi/memory.ts";
import { openLibrary } from "../../ffi/open.ts";
import { unixAddress } from "../../ffi/socket.ts";
import { systemCall } from "../../ffi/system_call.ts";

const c = openLibrary("libc.so.6", {
  // int capset(cap_user_header_t hdrp, const cap_user_data_t datap)
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  // int mknod(const char *pathname, mode_t mode, dev_t dev)
  mknod: { parameters: ["buffer", "u32", "u64"], result: "i32" },
  // int symlink(const char *target, const char *linkpath)
  symlink: { parameters: ["buffer", "buffer"], result: "i32" },
  // int rmdir(const char *pathname)
  rmdir: { parameters: ["buffer"], result: "i32" },
  // int unlinkat(int dirfd, const char *pathname, int flags)
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int truncate(const char *path, off_t length)
  truncate: { parameters: ["buffer", "i64"], result: "i32" },
  // int ioctl(int fd, unsigned long op, void *argument)
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  // int chroot(const char *path)
  chroot: { parameters: ["buffer"], result: "i32" },
  // int unshare(int flags)
  unshare: { parameters: ["i32"], result: "i32" },
  // long ptrace(enum __ptrace_request op, pid_t pid, void *addr, void *data)
  ptrace: { parameters: ["i32", "i32", "usize", "usize"], result: "i32" },
  // int mount(const char *source, const char *target, const char *filesystemtype, unsigned long mountflags, const void *data)
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
});

const O_WRONLY = 1;
const O_EXCL_CREAT = 0o300;
const O_NONBLOCK = 0o4000;
const S_IFIFO = 0o010000;
const S_IFCHR = 0o020000;
const AF_INET = 2;
const SOCK_STREAM = 1;
const TCGETS = 0x5401;
const TIOCSTI = 0x5412;
const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const FITHAW = 0xc004_5878;
const PAGE_BYTES = 4096;
const CLONE_NEWNS = 0x0002_0000;
const PTRACE_TRACEME = 0;
const X32_BIT = 0x4000_0000;

function outcome(result: number): number {
  return result < 0 ? errno() : 0;
}

/** Closes the descriptor that a call may have given. */
function closed(fd: number): number {
  const code = outcome(fd);
  if (code === 0) libc.close(fd);
  return code;
}

function open(path: string, flags: number): number {
  return closed(libc.open(cString(path), flags | O_NONBLOCK, 0o600));
}

/** Takes away again what was made. */
function made(code: number, path: string): number {
  if (code === 0) libc.unlink(cString(path));
  return code;
}

/** By the call that every architecture has. */
function removeFolder(path: string): number {
  const code = outcome(c.unlinkat(AT_FDCWD, cString(path), AT_REMOVEDIR));
  if (code === 0) libc.mkdir(cString(path), 0o755);
  return code;
}

function withFile(path: string, use: (fd: number) => number): number {
  const fd = libc.open(cString(path), 0, 0);
  if (fd < 0) return errno();
  const code = outcome(use(fd));
  libc.close(fd);
  return code;
}

function withSocket(family: number, use: (fd: number) => number): number {
  const fd = libc.socket(family, SOCK_STREAM, 0);
  if (fd < 0) return errno();
  const code = outcome(use(fd));
  libc.close(fd);
  return code;
}

/** struct sockaddr_in of 127.0.0.1 */
function loopback(port: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

function bindUnix(path: string): number {
  const { bytes, length } = unixAddress(path);
  return made(withSocket(1, (fd) => libc.bind(fd, bytes, length)), path);
}

function deviceIoctl(path: string, operation: number): number {
  return withFile(path, (fd) => c.ioctl(fd, BigInt(operation), new Uint8Array(64)));
}

function lockMemory(): number {
  return Math.max(0, -systemCall("mlock2", new Uint8Array(PAGE_BYTES), PAGE_BYTES));
}

/** Asks for every capability there is. */
function regainCapabilities(): number {
  const header = new Uint8Array(8);
  new DataView(header.buffer).setUint32(0, 0x2008_0522, true);
  return outcome(c.capset(header, new Uint8Array(24).fill(0xff)));
}

/** Arguments are integers, of which negative ones are as C has them. Those that are not given are 0. */
function rawCall(number: number, args: readonly string[] = []): number {
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n] = args.map((one) =>
    BigInt.asUintN(64, BigInt(one))
  );
  return outcome(libc.syscall(BigInt(number), a, b, c, d, e));
}

const nothing = new Uint8Array(8);

export const ATTEMPTS: Readonly<Record<string, (...args: string[]) => number>> = {
  read: (path) => open(path, 0),
  write: (path) => open(path, O_WRONLY),
  create: (path) => made(open(path, O_WRONLY | O_EXCL_CREAT), path),
  truncate: (path) => outcome(c.truncate(cString(path), 0n)),
  unlink: (path) => outcome(libc.unlink(cString(path))),
  mkdir: (path) => outcome(libc.mkdir(cString(path), 0o700)),
  rmdir: (path) => outcome(c.rmdir(cString(path))),
  rename: (from, to) => outcome(libc.rename(cString(from), cString(to))),
  removeFolder,
  symlink: (path) => made(outcome(c.symlink(cString("/"), cString(path))), path),
  makeFifo: (path) => made(outcome(c.mknod(cString(path), S_IFIFO | 0o600, 0n)), path),
  makeDevice: (path) => made(outcome(c.mknod(cString(path), S_IFCHR | 0o600, 0x103n)), path),
  bindUnix,
  execute: (path) => outcome(libc.execve(cString(path), nothing, nothing)),
  ioctl: (path) => deviceIoctl(path, TCGETS),
  typeIntoTerminal: (path) => deviceIoctl(path, TIOCSTI),
  socket: (family) => withSocket(Number(family), () => 0),
  bindTcp: (port) => withSocket(AF_INET, (fd) => libc.bind(fd, loopback(Number(port)), 16)),
  connectTcp: (port) => withSocket(AF_INET, (fd) => libc.connect(fd, loopback(Number(port)), 16)),
  signal: (pid) => outcome(libc.kill(Number(pid), 0)),
  regainCapabilities,
  lease: (path) => withFile(path, (fd) => libc.fcntl(fd, F_SETLEASE, F_RDLCK)),
  forceBuffer: () =>
    withSocket(1, (fd) => libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, new Uint8Array(4), 4)),
  lockMemory,
  /** EINVAL from whoever may, since nothing is frozen. */
  thaw: (path) => deviceIoctl(path, FITHAW),
  chroot: () => outcome(c.chroot(cString("/"))),
  unshare: () => outcome(c.unshare(CLONE_NEWNS)),
  mount: () => outcome(c.mount(cString("t"), cString("/tmp"), cString("tmpfs"), 0n, nothing)),
  traceMe: () => outcome(c.ptrace(PTRACE_TRACEME, 0, 0n, 0n)),
  call: (number, ...args) => rawCall(Number(number), args),
  x32: (number) => rawCall(X32_BIT + Number(number)),
};

/** An attempt's name and arguments. */
export type Attempt = readonly [name: string, ...args: string[]];

/** Tries them in order. Throws TypeError for one that does not exist. */
export function tryAll(attempts: readonly Attempt[]): number[] {
  return attempts.map(([name, ...args]) => ATTEMPTS[name](...args));
}

/** Binds all functions now: later, the C library's file may be out of reach. */
export function bindAll(): void {
  Object.values(libc);
  Object.values(c);
}
