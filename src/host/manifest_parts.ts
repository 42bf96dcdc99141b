/** What stands in the manifests of more than one daemon, as data. */

/** Options that daemons have in common; where the original takes abbreviations, they are extensions of ours (OptionSpec). */
export const CONFIG = {
  long: "config",
  argument: "file",
  help: "Read this configuration file, which must exist.",
} as const;
export const CHECK_CONFIG = {
  long: "check-config",
  help: "Check the configuration file, report every problem with its line and exit.",
} as const;
export const NO_SANDBOX = {
  long: "no-sandbox",
  help: "Keep all privileges; for finding out whether the sandbox is in the way.",
} as const;

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

/** How `NAME status` ends where it gets no answer: codes of sysexits.h, as src/host/control_client.ts has them. */
export const STATUS_EXIT_CODES = [
  {
    code: 64,
    meaning: "status: the daemon, perhaps of another version, does not know the question.",
  },
  { code: 69, meaning: "status: no daemon answers." },
  { code: 70, meaning: "status: the daemon cannot answer." },
  { code: 74, meaning: "status: the connection broke." },
  { code: 75, meaning: "status: the daemon is too busy." },
  {
    code: 76,
    meaning: "status: the answer makes no sense, which another version may have given.",
  },
  { code: 77, meaning: "status: only root and the user that the daemon runs as may ask." },
] as const;
