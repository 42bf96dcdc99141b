/** capabilities(7): what is left of root's power in this thread, and giving it up. */
import { layout } from "../src/wire/layout.ts";
import { EINVAL, Errno } from "./errno.ts";
import { systemCall } from "./system_call.ts";

// linux/prctl.h
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
// linux/capability.h: the version with 64 bits, in two records of 32
const _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
const _LINUX_CAPABILITY_U32S_3 = 2;

/** linux/capability.h. The kernel may know more than these; they are dropped by number. */
export const CAPABILITIES = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;

const HEADER = layout("struct __user_cap_header_struct", { version: "u32", pid: "i32" });
const DATA = layout("struct __user_cap_data_struct", {
  effective: "u32",
  permitted: "u32",
  inheritable: "u32",
});

export const CONSTANTS = {
  ...CAPABILITIES,
  PR_CAPBSET_READ,
  PR_CAPBSET_DROP,
  PR_SET_NO_NEW_PRIVS,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  _LINUX_CAPABILITY_VERSION_3,
  _LINUX_CAPABILITY_U32S_3,
};
export const STRUCTS = [HEADER, DATA];

/** A set of capabilities: bit n is capability n. */
export type CapabilitySet = bigint;

/** The set of these capabilities. Throws RangeError for a name that Linux does not have. */
export function capabilitySet(names: readonly string[]): CapabilitySet {
  const numbers = CAPABILITIES as Readonly<Record<string, number>>;
  return names.reduce((set, name) => {
    if (!Object.hasOwn(numbers, name)) throw new RangeError(`no capability is called "${name}"`);
    return set | 1n << BigInt(numbers[name]);
  }, 0n);
}

/** The names in a set, by number; one that we do not know is `capability N`. */
export function capabilityNames(set: CapabilitySet): string[] {
  const names = Object.keys(CAPABILITIES);
  return [...set.toString(2)].reverse()
    .flatMap((bit, n) => bit === "1" ? [names[n] ?? `capability ${n}`] : []);
}

export interface HeldCapabilities {
  readonly effective: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
}

function header(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER.size);
  new DataView(bytes.buffer).setUint32(HEADER.at.version, _LINUX_CAPABILITY_VERSION_3, true);
  return bytes; // pid 0: the calling thread
}

function joined(view: DataView, offset: number): CapabilitySet {
  return BigInt(view.getUint32(offset, true)) |
    BigInt(view.getUint32(DATA.size + offset, true)) << 32n;
}

function passed(result: number, call: string): void {
  if (result < 0) throw new Errno(-result, call);
}

/** What this thread holds. Throws Errno. */
export function heldCapabilities(): HeldCapabilities {
  const data = new Uint8Array(DATA.size * _LINUX_CAPABILITY_U32S_3);
  passed(systemCall("capget", header(), data), "capget");
  const view = new DataView(data.buffer);
  return {
    effective: joined(view, DATA.at.effective),
    permitted: joined(view, DATA.at.permitted),
    inheritable: joined(view, DATA.at.inheritable),
  };
}

/** Makes `set`, which must be held, all that this thread holds, and passes none of it on by itself. Throws Errno. */
export function keepCapabilities(set: CapabilitySet): void {
  const data = new Uint8Array(DATA.size * _LINUX_CAPABILITY_U32S_3);
  const view = new DataView(data.buffer);
  for (let half = 0; half < _LINUX_CAPABILITY_U32S_3; half++) {
    const bits = Number(set >> BigInt(32 * half) & 0xffff_ffffn);
    view.setUint32(half * DATA.size + DATA.at.effective, bits, true);
    view.setUint32(half * DATA.size + DATA.at.permitted, bits, true);
  }
  passed(systemCall("capset", header(), data), "capset");
}

/** prctl(2) with one argument, the result or −errno; the kernel wants the other arguments to be 0. */
function operate(option: number, argument: number): number {
  return systemCall("prctl", option, argument);
}

/** What an execve may ever gain again. The kernel answers EINVAL behind its last capability. */
export function boundingSet(): CapabilitySet {
  let set = 0n;
  for (let n = 0;; n++) {
    const held = operate(PR_CAPBSET_READ, n);
    if (held < 0) return set;
    if (held === 1) set |= 1n << BigInt(n);
  }
}

/** Takes all others out of the bounding set, which needs CAP_SETPCAP unless none is in it; 0 or −errno. */
export function limitBoundingSet(kept: CapabilitySet): number {
  for (let n = 0;; n++) {
    const result = (kept >> BigInt(n) & 1n) === 1n ? 0 : operate(PR_CAPBSET_DROP, n);
    if (result === -EINVAL) return 0;
    if (result < 0) return (boundingSet() & ~kept) === 0n ? 0 : result;
  }
}

/** Empties the ambient set, so that a program without file capabilities gets none; 0 or −errno (Linux before 4.3). */
export function clearAmbientSet(): number {
  return operate(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
}

/** From here on no execve gives more than there is: set-user-id files are as any other. Throws Errno. */
export function setNoNewPrivileges(): void {
  passed(operate(PR_SET_NO_NEW_PRIVS, 1), "prctl(PR_SET_NO_NEW_PRIVS)");
}
