/** The lines of a manifest that are about capabilities, as things to try. */
import { EACCES, EINVAL, EPERM } from "../../ffi/errno.ts";
import type { PathRight } from "../../src/host/manifest.ts";
import type { SandboxPolicy } from "../../src/host/sandbox.ts";
import type { Attempt } from "../ffi/attempts.ts";
import { isHere } from "./paths.ts";
import type { Site } from "./places.ts";
import type { Trial } from "./trial.ts";

/** One thing that a capability is for: what it needs of Landlock, and what it gives with the capability and without. */
interface Use {
  readonly right: PathRight;
  readonly attempt: (folder: string, victim: number) => Attempt;
  readonly works: number;
  readonly fails: number;
}

const USES: Readonly<Record<string, Use>> = {
  CAP_DAC_OVERRIDE: {
    right: "write",
    attempt: (folder) => ["write", `${folder}/foreign`],
    works: 0,
    fails: EACCES,
  },
  CAP_DAC_READ_SEARCH: {
    right: "read",
    attempt: (folder) => ["read", `${folder}/foreign`],
    works: 0,
    fails: EACCES,
  },
  CAP_FOWNER: {
    right: "create",
    attempt: (folder) => ["unlink", `${folder}/sticky/file`],
    works: 0,
    fails: EPERM,
  },
  CAP_KILL: {
    right: "read",
    attempt: (_, victim) => ["signal", String(victim)],
    works: 0,
    fails: EPERM,
  },
  CAP_LEASE: {
    right: "read",
    attempt: (folder) => ["lease", `${folder}/readable`],
    works: 0,
    fails: EACCES,
  },
  CAP_SYS_ADMIN: {
    right: "read",
    attempt: (folder) => ["thaw", folder],
    works: EINVAL,
    fails: EPERM,
  },
  CAP_NET_ADMIN: { right: "read", attempt: () => ["forceBuffer"], works: 0, fails: EPERM },
  CAP_IPC_LOCK: { right: "read", attempt: () => ["lockMemory"], works: 0, fails: EPERM },
};

/** `victim` is a process of another user's. Throws RangeError for a capability that has no use here yet. */
export function capabilityTrials(policy: SandboxPolicy, site: Site, victim: number): Trial[] {
  return policy.capabilities.map(({ name }): Trial => {
    const use = Object.hasOwn(USES, name) ? USES[name] : undefined;
    if (use === undefined) throw new RangeError(`nothing is known that ${name} is for`);
    const capabilities = policy.capabilities.filter((one) => one.name !== name);
    return {
      line: name,
      attempt: use.attempt(folderWith(policy, site, use.right), victim),
      works: { policy, result: use.works },
      fails: { policy: { ...policy, capabilities }, result: use.fails },
    };
  });
}

/** A furnished folder in which the policy has the right. */
function folderWith({ paths }: SandboxPolicy, site: Site, right: PathRight): string {
  const places = paths.filter(({ rights }) => rights.includes(right))
    .filter(({ path }) => isHere(path, site)).map(({ path }) => site.placeOf(path));
  const place = places.find(({ isOwn, isFile }) => isOwn && !isFile);
  if (place === undefined) throw new RangeError(`no folder to try "${right}" in`);
  return place.path;
}
