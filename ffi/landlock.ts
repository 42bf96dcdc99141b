/**
 * landlock(7): a thread and what it starts lose access to files, TCP ports and other processes, for good.
 *
 * Rights are bits; a ruleset says which it handles (what no rule grants below a path is then refused) and each rule grants some
 * below one path.
 */
import { layout, setU64 } from "../src/wire/layout.ts";
import {
  closeDescriptor,
  isDirectory,
  O_CLOEXEC,
  O_PATH,
  openFile,
  statDescriptor,
  status,
} from "./file.ts";
import { cString } from "./memory.ts";
import { systemCall } from "./system_call.ts";

// linux/landlock.h
export const LANDLOCK_ACCESS_FS_EXECUTE = 1 << 0;
export const LANDLOCK_ACCESS_FS_WRITE_FILE = 1 << 1;
export const LANDLOCK_ACCESS_FS_READ_FILE = 1 << 2;
export const LANDLOCK_ACCESS_FS_READ_DIR = 1 << 3;
export const LANDLOCK_ACCESS_FS_REMOVE_DIR = 1 << 4;
export const LANDLOCK_ACCESS_FS_REMOVE_FILE = 1 << 5;
export const LANDLOCK_ACCESS_FS_MAKE_CHAR = 1 << 6;
export const LANDLOCK_ACCESS_FS_MAKE_DIR = 1 << 7;
export const LANDLOCK_ACCESS_FS_MAKE_REG = 1 << 8;
export const LANDLOCK_ACCESS_FS_MAKE_SOCK = 1 << 9;
export const LANDLOCK_ACCESS_FS_MAKE_FIFO = 1 << 10;
export const LANDLOCK_ACCESS_FS_MAKE_BLOCK = 1 << 11;
export const LANDLOCK_ACCESS_FS_MAKE_SYM = 1 << 12;
export const LANDLOCK_ACCESS_FS_REFER = 1 << 13;
export const LANDLOCK_ACCESS_FS_TRUNCATE = 1 << 14;
export const LANDLOCK_ACCESS_FS_IOCTL_DEV = 1 << 15;
const LANDLOCK_ACCESS_NET_BIND_TCP = 1 << 0;
const LANDLOCK_ACCESS_NET_CONNECT_TCP = 1 << 1;
const LANDLOCK_SCOPE_SIGNAL = 1 << 1;
const LANDLOCK_CREATE_RULESET_VERSION = 1 << 0;
const LANDLOCK_RULE_PATH_BENEATH = 1;
const LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON = 1 << 1;

const RULESET_ATTR = layout("struct landlock_ruleset_attr", {
  handled_access_fs: "u64",
  handled_access_net: "u64",
  scoped: "u64",
});
const PATH_BENEATH_ATTR = layout(
  "struct landlock_path_beneath_attr",
  { allowed_access: "u64", parent_fd: "i32" },
  true,
);

export const CONSTANTS = {
  LANDLOCK_ACCESS_FS_EXECUTE,
  LANDLOCK_ACCESS_FS_WRITE_FILE,
  LANDLOCK_ACCESS_FS_READ_FILE,
  LANDLOCK_ACCESS_FS_READ_DIR,
  LANDLOCK_ACCESS_FS_REMOVE_DIR,
  LANDLOCK_ACCESS_FS_REMOVE_FILE,
  LANDLOCK_ACCESS_FS_MAKE_CHAR,
  LANDLOCK_ACCESS_FS_MAKE_DIR,
  LANDLOCK_ACCESS_FS_MAKE_REG,
  LANDLOCK_ACCESS_FS_MAKE_SOCK,
  LANDLOCK_ACCESS_FS_MAKE_FIFO,
  LANDLOCK_ACCESS_FS_MAKE_BLOCK,
  LANDLOCK_ACCESS_FS_MAKE_SYM,
  LANDLOCK_ACCESS_FS_REFER,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  LANDLOCK_ACCESS_FS_IOCTL_DEV,
  LANDLOCK_ACCESS_NET_BIND_TCP,
  LANDLOCK_ACCESS_NET_CONNECT_TCP,
  LANDLOCK_SCOPE_SIGNAL,
  LANDLOCK_CREATE_RULESET_VERSION,
  LANDLOCK_RULE_PATH_BENEATH,
  LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON,
};
export const STRUCTS = [RULESET_ATTR, PATH_BENEATH_ATTR];

/** File rights by the ABI that brought them: rights 0 to 12 came with the first, which is Linux 5.13. */
const FILE_RIGHTS_SINCE = [
  [1, LANDLOCK_ACCESS_FS_REFER - 1],
  [2, LANDLOCK_ACCESS_FS_REFER],
  [3, LANDLOCK_ACCESS_FS_TRUNCATE],
  [5, LANDLOCK_ACCESS_FS_IOCTL_DEV],
] as const;
/** TCP came with ABI 4 (Linux 6.7), scopes with 6 (6.12), the choice of what is logged with 7 (6.15). */
const ABI_NET = 4;
const ABI_SCOPES = 6;
const ABI_LOGGING = 7;

/** Rights that mean something for a file; the others are about the entries of a directory. */
const RIGHTS_OF_FILES = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
  LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV;

/** What this kernel's Landlock can: 1 and up, or −errno (ENOSYS: not built in, EOPNOTSUPP: not switched on). */
export function landlockAbi(): number {
  return systemCall("landlock_create_ruleset", 0, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/** Every file right that an ABI can refuse. */
export function handledFileRights(abi: number): number {
  return FILE_RIGHTS_SINCE.reduce(
    (rights, [since, more]) => abi >= since ? rights | more : rights,
    0,
  );
}

/** What is refused as far as the kernel can, and granted below paths. Used once, then closed. */
export class Ruleset {
  /** The descriptor or, where the kernel refused, −errno. */
  readonly fd: number;
  readonly #handled: number;

  /**
   * Handles all file rights and all TCP that `abi` knows. `scopeSignals`: only what this thread starts may be signalled by it,
   * too. `everywhere`: file rights that are not refused anywhere, so that the kernel need not look for a rule at each open.
   */
  constructor(private readonly abi: number, scopeSignals: boolean, everywhere = 0) {
    this.#handled = handledFileRights(abi) & ~everywhere;
    const attributes = new Uint8Array(RULESET_ATTR.size);
    const view = new DataView(attributes.buffer);
    setU64(view, RULESET_ATTR.at.handled_access_fs, this.#handled);
    if (abi >= ABI_NET) {
      const tcp = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
      setU64(view, RULESET_ATTR.at.handled_access_net, tcp);
    }
    if (abi >= ABI_SCOPES && scopeSignals) {
      setU64(view, RULESET_ATTR.at.scoped, LANDLOCK_SCOPE_SIGNAL);
    }
    // An older kernel takes a longer structure as long as what it does not know is zero.
    this.fd = systemCall("landlock_create_ruleset", attributes, attributes.length);
  }

  /** Grants rights at and below a path, as far as they can be refused; 0 or −errno (ENOENT …). */
  grant(path: string, rights: number): number {
    const parent = openFile(cString(path), O_PATH | O_CLOEXEC, 0);
    if (parent < 0) return parent;
    try {
      statDescriptor(parent);
      const meaningful = isDirectory(status.mode) ? rights : rights & RIGHTS_OF_FILES;
      return this.#addRule(parent, meaningful & this.#handled);
    } finally {
      closeDescriptor(parent);
    }
  }

  #addRule(parent: number, rights: number): number {
    if (rights === 0) return 0; // the kernel answers ENOMSG
    const attributes = new Uint8Array(PATH_BENEATH_ATTR.size);
    const view = new DataView(attributes.buffer);
    setU64(view, PATH_BENEATH_ATTR.at.allowed_access, rights);
    view.setInt32(PATH_BENEATH_ATTR.at.parent_fd, parent, true);
    return systemCall("landlock_add_rule", this.fd, LANDLOCK_RULE_PATH_BENEATH, attributes);
  }

  /** Puts the rules on this thread, which must have no_new_privs; 0 or −errno (E2BIG: 16 rulesets on it already). */
  restrictSelf(): number {
    // Refusals are worth a line in the log after a re-exec, too: it is we who set the rules.
    const flags = this.abi >= ABI_LOGGING ? LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON : 0;
    return systemCall("landlock_restrict_self", this.fd, flags);
  }

  close(): void {
    if (this.fd >= 0) closeDescriptor(this.fd);
  }
}
