/**
 * System calls that a scenario makes and Deno has not. Bound apart from ffi/, whose calls the daemon under test makes.
 * All throw an Error with the call's name and errno.
 */
const library = Deno.dlopen("libc.so.6", {
  __errno_location: { parameters: [], result: "pointer" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  pwrite: { parameters: ["i32", "usize", "usize", "i64"], result: "isize" },
  fsync: { parameters: ["i32"], result: "i32" },
  fdatasync: { parameters: ["i32"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  msync: { parameters: ["pointer", "usize", "i32"], result: "i32" },
});
const { symbols } = library;

// asm-generic/fcntl.h, linux/falloc.h, asm-generic/mman-common.h
export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_TRUNC = 0o1000;
const O_DIRECT = 0o40000;
const O_CLOEXEC = 0o2000000;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MS_SYNC = 4;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** linux/fs.h: _IOW(0x94, 13, struct file_clone_range) */
const FICLONERANGE = 0x4020940dn;

function errno(): number {
  const at = symbols.__errno_location();
  return at === null ? 0 : new Deno.UnsafePointerView(at).getInt32();
}

function checked(call: string, result: number | bigint): number {
  if (result < 0) throw new Error(`${call}: errno ${errno()}`);
  return Number(result);
}

function mapped(call: string, address: Deno.PointerValue): NonNullable<Deno.PointerValue> {
  if (address === null || Deno.UnsafePointer.value(address) === MAP_FAILED) {
    throw new Error(`${call}: errno ${errno()}`);
  }
  return address;
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** A megabyte that O_DIRECT takes: whole pages. */
export const MIB = 2 ** 20;
const page = mapped(
  "mmap",
  symbols.mmap(0n, BigInt(MIB), PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0n),
);
const payload = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(page, MIB));
payload.fill(0x5a);
const payloadAddress = Deno.UnsafePointer.value(page);

/** Memory shared with a file. */
export class Mapping {
  readonly #address: NonNullable<Deno.PointerValue>;
  readonly bytes: Uint8Array;

  constructor(fd: number, private readonly length: number) {
    const address = symbols.mmap(0n, BigInt(length), PROT_READ_WRITE, MAP_SHARED, fd, 0n);
    this.#address = mapped("mmap", address);
    this.bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(this.#address, length));
  }

  sync(): void {
    checked("msync", symbols.msync(this.#address, BigInt(this.length), MS_SYNC));
  }

  close(): void {
    checked("munmap", symbols.munmap(this.#address, BigInt(this.length)));
  }
}

/** An open file, by its descriptor. */
export class OpenFile {
  #closed = false;

  private constructor(readonly fd: number, readonly path: string) {}

  static open(path: string, flags = O_RDWR): OpenFile {
    return new OpenFile(
      checked(`open ${path}`, symbols.open(cString(path), flags | O_CLOEXEC, 0o644)),
      path,
    );
  }

  static create(path: string): OpenFile {
    return OpenFile.open(path, O_RDWR | O_CREAT | O_TRUNC);
  }

  /** Its writes go past the page cache. */
  static direct(path: string): OpenFile {
    return OpenFile.open(path, O_RDWR | O_DIRECT);
  }

  get size(): number {
    return Deno.statSync(this.path).size;
  }

  /** Writes up to a MiB of one byte value. */
  write(offset: number, length = MIB): void {
    const written = symbols.pwrite(this.fd, payloadAddress, BigInt(length), BigInt(offset));
    if (checked("pwrite", written) !== length) {
      throw new Error(`pwrite wrote ${written} of ${length}`);
    }
  }

  /** Writes `count` MiB from the beginning, and has them written out. */
  fill(count: number): this {
    for (let at = 0; at < count; at++) this.write(at * MIB);
    this.sync();
    return this;
  }

  sync(): void {
    checked("fsync", symbols.fsync(this.fd));
  }

  syncData(): void {
    checked("fdatasync", symbols.fdatasync(this.fd));
  }

  truncate(size: number): void {
    checked("ftruncate", symbols.ftruncate(this.fd, BigInt(size)));
  }

  punch(offset: number, length: number): void {
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    checked("fallocate", symbols.fallocate(this.fd, mode, BigInt(offset), BigInt(length)));
  }

  allocate(offset: number, length: number, keepSize = false): void {
    const mode = keepSize ? FALLOC_FL_KEEP_SIZE : 0;
    checked("fallocate", symbols.fallocate(this.fd, mode, BigInt(offset), BigInt(length)));
  }

  /** Makes a range share the blocks of another file's. */
  shareFrom(source: OpenFile, offset: number, length: number): void {
    const range = new BigInt64Array([source.fd, offset, length, offset].map(BigInt));
    checked("FICLONERANGE", this.ioctl(FICLONERANGE, new Uint8Array(range.buffer)));
  }

  ioctl(request: bigint, argument: Uint8Array<ArrayBuffer>): number {
    return checked("ioctl", symbols.ioctl(this.fd, request, argument));
  }

  close(): void {
    if (!this.#closed) checked("close", symbols.close(this.fd));
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
