/**
 * What our daemons tell each other behind the data of a message, where lvm2's do not look.
 *
 *     SET_REGION_SYNC:  u32 magic | u32 2^32-1: the sender does not wait for an answer
 *     RESUME:           u32 magic | u32 generation of the joiner
 *     CHECKPOINT_READY: the same, then u32 search | u32 flags | u32 urgent regions | u32 marks | regions u32… | (region, node) u32…
 */
import type { MirrorLog } from "./log.ts";
import type { Message } from "./message.ts";

const MAGIC = 0x316d_6b68;
export const GENERATION_BYTES = 8;
/** In place of a generation: the sender answers its kernel when it hears itself. */
export const NO_ANSWER = 0xffff_ffff;
const HEAD_BYTES = 24;
const WHOLE_ONCE = 1;

/** Whether a message is of one of ours. */
export function hasTrailer({ view, trailer, end }: Message): boolean {
  return end - trailer >= GENERATION_BYTES && view.getUint32(trailer, true) === MAGIC;
}

/** The joiner's generation; only where hasTrailer(). */
export function generationOf({ view, trailer }: Message): number {
  return view.getUint32(trailer + 4, true);
}

/** Writes magic and generation at `offset` and returns the offset behind them. */
export function writeGeneration(view: DataView, offset: number, generation: number): number {
  view.setUint32(offset, MAGIC, true);
  view.setUint32(offset + 4, generation, true);
  return offset + GENERATION_BYTES;
}

export function trailerBytes({ marks, recovery }: MirrorLog): number {
  return HEAD_BYTES + 4 * recovery.priority.length + 8 * marks.size;
}

/** Writes what a checkpoint of the original leaves out. */
export function writeTrailer(
  view: DataView,
  offset: number,
  generation: number,
  log: MirrorLog,
): number {
  const { marks, recovery } = log;
  let at = writeGeneration(view, offset, generation);
  const put = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  put(recovery.search);
  put(log.wholeOnce ? WHOLE_ONCE : 0);
  put(recovery.priority.length);
  put(marks.size);
  recovery.priority.forEach(put);
  marks.each((region, node) => {
    put(region);
    put(node);
  });
  return at;
}

/** Takes a trailer into the log; false, and nothing done, where it is none or damaged. */
export function readTrailer({ view, trailer, end }: Message, log: MirrorLog): boolean {
  if (end - trailer < HEAD_BYTES) return false;
  const at = (index: number): number => view.getUint32(trailer + 8 + 4 * index, true);
  const [search, flags, urgent, marks] = [at(0), at(1), at(2), at(3)];
  const { regionCount } = log;
  if (end - trailer < HEAD_BYTES + 4 * urgent + 8 * marks || search > regionCount + 1) return false;
  const first = 4 + urgent;
  for (let i = 0; i < urgent; i++) if (at(4 + i) >= regionCount) return false;
  for (let i = 0; i < marks; i++) if (at(first + 2 * i) >= regionCount) return false;
  log.recovery.search = search;
  log.wholeOnce = (flags & WHOLE_ONCE) !== 0;
  log.recovery.priority.length = 0;
  for (let i = 0; i < urgent; i++) log.recovery.priority.push(at(4 + i));
  log.marks.clear();
  for (let i = 0; i < marks; i++) log.marks.add(at(first + 2 * i), at(first + 2 * i + 1));
  return true;
}
