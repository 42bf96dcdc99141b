/**
 * The kernel's RESUMEs, which wait for the group. Each task of the kernel that waits for the daemon sends its own. One that is not
 * answered is repeated after 15 s, and given up if there is no daemon then, and with it what the task wanted (userspace_do_request() of
 * dm-log-userspace-base.c): where that was IN_SYNC, a region that is in sync is written on one leg. So all are answered, and those of
 * a kernel that never stopped at once: its other requests may wait, as they are repeated for ever.
 */
import type { Context } from "./context.ts";
import type { Entry } from "./entries.ts";
import { MAX_WAITING_RESUMES } from "./limits.ts";
import { REQUEST_AT } from "./message.ts";
import type { Mirror } from "./mirror.ts";
import { messageOf, NO_SEQ } from "./send.ts";
import { emptyRequest, type Request, UUID_AT } from "./ulog.ts";

/** Nobody waits for this one. */
export const nobody: Request = { ...emptyRequest(), seq: NO_SEQ };

/** Keeps a request of the kernel until it can be answered. */
export function keep(context: Context, request: Request): Entry {
  const length = messageOf(context, request);
  context.out.set(request.bytes.subarray(request.base, request.base + UUID_AT), REQUEST_AT);
  return context.entries.take(context.out, length);
}

/** RESUME of a mirror that has no log yet. */
export function takeResume(context: Context, mirror: Mirror): void {
  const { request, replies } = context;
  if (mirror.keeps === "live") replies.error(request, 0);
  else keepResume(context, mirror, request);
}

/** Keeps a RESUME. The kernel ignores the answer to one that it has repeated meanwhile. */
export function keepResume(context: Context, { resumes }: Mirror, request: Request): void {
  if (resumes.length === MAX_WAITING_RESUMES) context.entries.give(resumes.shift() as Entry);
  resumes.push(keep(context, request));
}

/** The log is there. `request`: the RESUME that was executed, in case that none was kept. */
export function answerResumes(context: Context, { resumes }: Mirror, request: Request): void {
  const { replies, entries } = context;
  if (resumes.length === 0 && request.seq !== NO_SEQ) replies.error(request, 0);
  for (const { request: kept } of resumes) replies.error(kept, 0);
  entries.giveAll(resumes);
}
