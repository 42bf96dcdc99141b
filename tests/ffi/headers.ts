/** Which C headers say what a file of ours repeats from them. */

const fcntl = ["fcntl.h"];
const capability = ["sys/prctl.h", "linux/capability.h", "linux/prctl.h"];

/** Path → headers. Every file that exports CONSTANTS, STRUCTS, SIZES or UPPER_CASE numbers stands here. */
export const HEADERS: Readonly<Record<string, readonly string[]>> = {
  "ffi/aio.ts": [...fcntl, "linux/aio_abi.h", "sys/eventfd.h"],
  "ffi/capability.ts": capability,
  "ffi/cfg.ts": ["corosync/cfg.h"],
  "ffi/cmap.ts": ["corosync/cmap.h"],
  "ffi/corosync.ts": ["corosync/corotypes.h"],
  "ffi/cpg.ts": ["corosync/cpg.h", "sys/uio.h"],
  "ffi/devicemapper.ts": ["sys/ioctl.h", "linux/dm-ioctl.h"],
  "ffi/epoll.ts": ["sys/epoll.h"],
  "ffi/errno.ts": ["errno.h"],
  "ffi/file.ts": [...fcntl, "sys/stat.h", "unistd.h"],
  "ffi/filesystem.ts": ["fcntl.h", "sys/vfs.h", "linux/fs.h", "linux/fiemap.h", "linux/magic.h"],
  "ffi/inotify.ts": ["sys/inotify.h"],
  "ffi/landlock.ts": [...fcntl, "linux/landlock.h"],
  "ffi/mappings.ts": ["sys/mman.h"],
  "ffi/netlink.ts": ["sys/socket.h", "linux/netlink.h"],
  "ffi/poll.ts": ["poll.h", "limits.h"],
  "ffi/process.ts": ["sched.h", "signal.h", "spawn.h", "sys/resource.h", "sys/wait.h"],
  "ffi/quorum.ts": ["corosync/quorum.h"],
  "ffi/seccomp.ts": ["asm/unistd.h", "linux/audit.h", "linux/filter.h", "linux/seccomp.h"],
  "ffi/shared_memory.ts": ["sys/mman.h"],
  "ffi/signal.ts": ["signal.h", "sys/signalfd.h"],
  "ffi/socket.ts": ["sys/socket.h", "sys/uio.h", "sys/un.h"],
  "ffi/votequorum.ts": ["corosync/votequorum.h"],
  "daemons/dmfilemapd/fiemap.ts": ["linux/fiemap.h"],
  "daemons/mdmpd/superblock_new.ts": ["linux/types.h", "asm/byteorder.h", "linux/raid/md_p.h"],
  "src/host/sandbox_calls.ts": ["sched.h", "sys/ioctl.h", "sys/socket.h"],
};

/** Exported UPPER_CASE numbers that are ours, not C's. */
export const OURS: ReadonlySet<string> = new Set(["BLOCK_BYTES", "NEWEST_KNOWN_SYSCALL"]);

/** Macros younger than the oldest headers we build with (Linux 6.1), by what they belong to; a structure's field as TYPE.FIELD. */
export const YOUNG: Readonly<Record<string, string>> = {
  LANDLOCK_ACCESS_FS_TRUNCATE: "LANDLOCK_ACCESS_FS_TRUNCATE",
  LANDLOCK_ACCESS_FS_IOCTL_DEV: "LANDLOCK_ACCESS_FS_IOCTL_DEV",
  LANDLOCK_ACCESS_NET_BIND_TCP: "LANDLOCK_ACCESS_NET_BIND_TCP",
  LANDLOCK_ACCESS_NET_CONNECT_TCP: "LANDLOCK_ACCESS_NET_CONNECT_TCP",
  LANDLOCK_SCOPE_SIGNAL: "LANDLOCK_SCOPE_SIGNAL",
  LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON: "LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON",
  SO_PEERPIDFD: "SO_PEERPIDFD",
  "struct landlock_ruleset_attr": "LANDLOCK_SCOPE_SIGNAL",
  "struct landlock_ruleset_attr.handled_access_net": "LANDLOCK_ACCESS_NET_BIND_TCP",
  "struct landlock_ruleset_attr.scoped": "LANDLOCK_SCOPE_SIGNAL",
};
