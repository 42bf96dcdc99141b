/** virtlockd as a systemd service, and what that may see and do: a disk that is hidden from it cannot be locked. */
import type { UnitSpec } from "../../src/host/manifest.ts";

export const UNIT = {
  description: "Virtual machine lock manager",
  documentation: ["man:virtlockd(8)"],
  after: [],
  before: ["libvirtd.service"],
  execReload: "/bin/kill -USR1 $MAINPID",
  environmentFiles: ["/etc/default/virtlockd", "/etc/sysconfig/virtlockd"],
  argumentsVariable: "VIRTLOCKD_ARGS",
  limitNofile: 40_960,
  oomScoreAdjust: -900,
  hardening: [
    {
      directive: "PrivateNetwork=yes",
      why: "All sockets are Unix sockets with a path, and those do not belong to a network.",
    },
    {
      directive: "RestrictAddressFamilies=AF_UNIX",
      why: "The same for sockets made here, which are those of clients, the log and systemd.",
    },
    {
      directive: "ProtectSystem=full",
      why:
        "Not strict, which would make every disk image read-only, and so impossible to lock, outside a list of folders. " +
        "Full does that to /usr, /boot, /efi and /etc only.",
    },
    {
      directive: "ReadWritePaths=-/usr/local",
      why: "An administrator's own disk images may be there.",
    },
    {
      directive: "ProtectHome=tmpfs",
      why:
        "For /run/user, where the sockets of users' sessions are. The next line puts /home and /root back.",
    },
    {
      directive: "BindPaths=-/home -/root",
      why: "Disk images are kept in home directories, and are opened for writing to be locked.",
    },
    { directive: "PrivateTmp=no", why: "Disk images and leases may be in /tmp and /var/tmp." },
    {
      directive: "PrivateDevices=yes",
      why:
        "For all that it implies (no device nodes made, no raw I/O, a closed DevicePolicy) but its empty /dev, which the " +
        "next line replaces by the real one: disks come and go while the daemon runs.",
    },
    { directive: "BindPaths=/dev", why: "See PrivateDevices." },
    {
      directive: "DevicePolicy=closed",
      why: "Character devices but /dev/null and its like cannot be opened.",
    },
    {
      directive: "DeviceAllow=block-* rw",
      why:
        "A block device used as a disk is locked like a file, opened for reading and writing. This matches every block " +
        "device, whatever driver it will belong to.",
    },
    {
      directive: "PrivateUsers=no",
      why:
        "Other users' files are locked and other users' processes killed, which a user namespace would forbid.",
    },
    {
      directive: "ProtectProc=invisible",
      why:
        "Hides other users' processes from all but the group root, which is ours and must see the holders of locks.",
    },
    {
      directive: "UMask=0077",
      why:
        "Nothing made here is for other users. That includes the pid file, which systemd has no need of.",
    },
  ],
} as const satisfies UnitSpec;
