/** Signals as readable events: blocked for the process, read from a signalfd. */
import { layout } from "../src/wire/layout.ts";
import { check } from "./errno.ts";
import { readDescriptor } from "./file.ts";
import { libc } from "./libc.ts";

// asm-generic/signal.h
export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGCHLD = 17;
export const SIGIO = 29;
const SIG_BLOCK = 0;
const SIG_SETMASK = 2;
const SFD_NONBLOCK = 0o4000;
const SFD_CLOEXEC = 0o2000000;
/** glibc's sigset_t: 1,024 bits, of which the kernel uses 64. */
const SIGSET_BYTES = 128;

/** linux/signalfd.h, of which we read the number and the sender. */
const SIGNALFD_SIGINFO = layout("struct signalfd_siginfo", {
  ssi_signo: "u32",
  ssi_errno: "i32",
  ssi_code: "i32",
  ssi_pid: "u32",
  rest: ["bytes", 112],
});

export const CONSTANTS = {
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGKILL,
  SIGUSR1,
  SIGUSR2,
  SIGPIPE,
  SIGALRM,
  SIGTERM,
  SIGCHLD,
  SIGIO,
  SIG_BLOCK,
  SIG_SETMASK,
  SFD_NONBLOCK,
  SFD_CLOEXEC,
};
export const STRUCTS = [SIGNALFD_SIGINFO];
export const SIZES = { sigset_t: SIGSET_BYTES };

const NAMES: Readonly<Record<number, string>> = {
  [SIGHUP]: "SIGHUP",
  [SIGINT]: "SIGINT",
  [SIGQUIT]: "SIGQUIT",
  [SIGUSR1]: "SIGUSR1",
  [SIGUSR2]: "SIGUSR2",
  [SIGALRM]: "SIGALRM",
  [SIGTERM]: "SIGTERM",
  [SIGCHLD]: "SIGCHLD",
};

/** `SIGTERM`, or `signal 40` for one that has no name here. */
export function signalName(signal: number): string {
  return NAMES[signal] ?? `signal ${signal}`;
}

/** A sigset_t with these signals in it. */
export function signalSet(signals: readonly number[]): Uint8Array<ArrayBuffer> {
  const set = new Uint8Array(SIGSET_BYTES);
  for (const signal of signals) set[(signal - 1) >> 3] |= 1 << ((signal - 1) & 7);
  return set;
}

/** Blocks these signals, on top of what is blocked already. Throws Errno. */
export function blockSignals(signals: readonly number[]): void {
  check(libc.sigprocmask(SIG_BLOCK, signalSet(signals), 0n), "sigprocmask");
}

/** Makes these the only blocked signals: before an execve, which inherits the mask. Throws Errno. */
export function setBlockedSignals(signals: readonly number[]): void {
  check(libc.sigprocmask(SIG_SETMASK, signalSet(signals), 0n), "sigprocmask");
}

const SIG_DFL = 0n;
const SIG_IGN = 1n;

/** Ignores a signal, or gives it back its default action. Ignored signals stay ignored over an execve. */
export function ignoreSignal(signal: number, ignored: boolean): void {
  libc.signal(signal, ignored ? SIG_IGN : SIG_DFL);
}

/** A descriptor from which blocked signals are read. */
export class SignalDescriptor {
  readonly fd: number;
  readonly #record = new Uint8Array(SIGNALFD_SIGINFO.size);
  readonly #view = new DataView(this.#record.buffer);

  /** Throws Errno. The signals must be blocked already. */
  constructor(signals: readonly number[]) {
    this.fd = check(libc.signalfd(-1, signalSet(signals), SFD_NONBLOCK | SFD_CLOEXEC), "signalfd");
  }

  /** The next pending signal, or 0. */
  read(): number {
    const count = readDescriptor(this.fd, this.#record);
    return count === SIGNALFD_SIGINFO.size
      ? this.#view.getUint32(SIGNALFD_SIGINFO.at.ssi_signo, true)
      : 0;
  }

  /** Who sent the signal that read() just returned; 0 for the kernel. */
  get senderPid(): number {
    return this.#view.getUint32(SIGNALFD_SIGINFO.at.ssi_pid, true);
  }
}
