/** A request is executed on the log: what else follows from it. */
import type { Context } from "./context.ts";
import type { Message } from "./message.ts";
import type { Mirror } from "./mirror.ts";
import { releaseFlushes } from "./send.ts";
import { generationOf, hasTrailer, LAPSED } from "./trailer.ts";
import type { Request } from "./ulog.ts";

/** The sender has waited long enough for nodes that are no members. */
export function takeLapse(context: Context, mirror: Mirror, message: Message): void {
  if (context.original || !hasTrailer(message) || generationOf(message) !== LAPSED) return;
  mirror.log.recovery.lapse(mirror.members);
  noteExecuted(mirror);
  releaseFlushes(context, mirror);
}

/** A request of `originator` changes the log. */
export function executeOnLog(
  context: Context,
  mirror: Mirror,
  request: Request,
  originator: number,
): void {
  const { occasion, answer } = context;
  occasion.originator = originator;
  occasion.me = context.me;
  mirror.log.execute(request, occasion, answer);
  noteExecuted(mirror);
  releaseFlushes(context, mirror);
}

/** What the state file must know. */
export function noteExecuted({ log, state }: Mirror): void {
  if (!log.resumed) return;
  if (log.wholeOnce !== state.wholeOnce) state.note(true, log.wholeOnce);
  const { region, recoverer, held } = log.recovery;
  state.noteRecoveries(region, recoverer, held);
}
