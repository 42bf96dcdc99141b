/** What stands in the manifests of more than one daemon, as data. */

/** Grants for who executes programs: what the kernel reads of the loader (a manifest's `paths`). */
export const LOADERS = [
  {
    path: "/lib64/ld-linux-x86-64.so.2",
    rights: ["read", "execute"],
    why: "The kernel executes it to load the program (x86-64).",
  },
  {
    path: "/lib/ld-linux-aarch64.so.1",
    rights: ["read", "execute"],
    why: "The same on aarch64.",
  },
] as const;
