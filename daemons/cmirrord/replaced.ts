/**
 * Two tables of one uuid. The kernel suspends the old one, resumes the new one, then destroys the old one; but the old one's worker may
 * be late with what its last writes have left. A daemon that is killed meanwhile has the kernel introduce both again, and only one of
 * them can be in the group: the other one would wait, and with it the `dmsetup resume` that is about to destroy the old one. So what the
 * kernel had suspended does not join at once: whether there is a new table shows when that is introduced. If there is none, the kernel
 * has resumed the old one while no daemon was there.
 */
import type { Context } from "./context.ts";
import { EINVAL } from "./errors.ts";
import { forgetGroup } from "./leaving.ts";
import { MAX_SUSPENDED_TABLES, SIBLING_PATIENCE_MS } from "./limits.ts";
import { IDENTITY_BYTES, type Mirror } from "./mirror.ts";
import { answerResumes, nobody } from "./resumes.ts";
import { POSTSUSPEND, type Request, RESUME } from "./ulog.ts";

/** Tables that this daemon does not know, as it was not there when they were loaded, and whose suspend it has heard of. */
export class SuspendedTables {
  /** By luid and uuid, in hexadecimal; the oldest is forgotten first. */
  readonly #identities = new Set<string>();

  /** A request of a table that is not known. */
  note(request: Request): void {
    if (request.type === RESUME) this.take(request);
    if (request.type !== POSTSUSPEND) return;
    const [oldest] = this.#identities;
    if (this.#identities.size === MAX_SUSPENDED_TABLES) this.#identities.delete(oldest);
    this.#identities.add(identityOf(request));
  }

  /** Forgets a table; whether it was suspended. */
  take(request: Request): boolean {
    return this.#identities.delete(identityOf(request));
  }
}

function identityOf({ bytes, base }: Request): string {
  return bytes.subarray(base, base + IDENTITY_BYTES).toHex();
}

/** RESUME of `mirror`. False where another table has taken its place: that RESUME is answered, and nothing else is done. */
export function mayResume(context: Context, mirrors: readonly Mirror[], mirror: Mirror): boolean {
  const siblings = mirrors.filter((other) => other !== mirror && isSameGroup(other, mirror));
  if (!mirror.wasSuspended) {
    for (const other of siblings) if (other.wasSuspended) replace(context, other);
    return true;
  }
  if (!siblings.some(({ wasSuspended, phase }) => !wasSuspended && phase !== "pending")) {
    return true;
  }
  replace(context, mirror);
  context.replies.error(context.request, 0);
  return false;
}

/** When a mirror that has begun to join may do so. */
export function joinDueMs({ nowMs }: Context, { wasSuspended, dueMs }: Mirror): number | undefined {
  return wasSuspended ? nowMs + SIBLING_PATIENCE_MS : dueMs;
}

function isSameGroup({ groupName: one }: Mirror, { groupName: other }: Mirror): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** What its worker still waits for is refused, as is what it asks later (askPending()). One that has joined already is left alone. */
function replace(context: Context, mirror: Mirror): void {
  if (mirror.phase !== "joining" && mirror.phase !== "pending") return;
  answerResumes(context, mirror, nobody);
  for (const { request } of mirror.working) context.replies.error(request, EINVAL);
  forgetGroup(context, mirror);
  mirror.isSuspended = true;
}
