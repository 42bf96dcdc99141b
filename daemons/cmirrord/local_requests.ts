/** The kernel's requests that this node answers from its own replica, at once. */
import { decodeBytes } from "../../src/wire/bytes.ts";
import type { Context } from "./context.ts";
import { EINVAL } from "./errors.ts";
import { askUnknown } from "./kernel_requests.ts";
import type { Mirror } from "./mirror.ts";
import { statusTable } from "./status_text.ts";
import {
  GET_REGION_SIZE,
  GET_SYNC_COUNT,
  IN_SYNC,
  PRESUSPEND,
  type Request,
  STATUS_TABLE,
  word,
} from "./ulog.ts";
import { settle } from "./front.ts";

type Local = (context: Context, mirror: Mirror) => void;

/** Nobody is handed work by this node any more. What was put off is done now: the kernel's last FLUSH is near. */
const presuspend: Local = (context, mirror) => {
  mirror.log.recovery.halted = true;
  if (!context.original && mirror.phase === "valid" && mirror.log.resumed) settle(context, mirror);
  context.replies.error(context.request, 0);
};

const getRegionSize: Local = (context, { log }) => {
  answerWord(context, log.construction.regionSizeSectors);
};

const inSync: Local = (context, mirror) => {
  const { log, keeps } = mirror;
  const region = word(context.request, 0);
  if (region >= log.regionCount || (context.original && !log.resumed)) {
    return context.replies.error(context.request, EINVAL);
  }
  // Not resumed, but live: the bits are those of before.
  const isLive = keeps === "live";
  const isIn = (isLive && log.wholeOnce) || log.isInSync(region);
  // What was behind then, or is not known yet, others may have recovered; it must not be written on one leg. The kernel asks again.
  if (!isIn && isAwaited(mirror)) return askUnknown(context);
  answerWord(context, isIn ? 1 : 0);
};

/** Whether the mirror is to have a log, and has none yet. */
function isAwaited({ log, phase, isSuspended }: Mirror): boolean {
  return !log.original && !log.resumed && !isSuspended && phase !== "leaving";
}

/** A kernel that hears that all is in sync asks for no work any more. What the group will say is not known before it is joined. */
const getSyncCount: Local = (context, mirror) => {
  const isJoining = isAwaited(mirror) && mirror.phase !== "pending" && mirror.keeps !== "live";
  answerWord(context, isJoining ? 0 : mirror.log.countSync());
};

const statusTableLine: Local = (context, { log, disk }) => {
  context.replies.text(context.request, statusTable(disk?.device, log.construction));
};

function answerWord(context: Context, value: number): void {
  const { answer, replies, request } = context;
  answer.error = 0;
  answer.first = value;
  answer.words = 1;
  replies.words(request, answer);
}

/** By type number. */
export const LOCAL: readonly (Local | undefined)[] = Object.assign(new Array(STATUS_TABLE + 2), {
  [PRESUSPEND]: presuspend,
  [GET_REGION_SIZE]: getRegionSize,
  [IN_SYNC]: inSync,
  [GET_SYNC_COUNT]: getSyncCount,
  [STATUS_TABLE]: statusTableLine,
});

/** The words of a CTR, and whether it is a reconnect: those end in a NUL, those of a table load do not. */
export function constructionText(request: Request): { text: string; reconnects: boolean } {
  const { bytes, data, dataBytes } = request;
  const reconnects = bytes[data + dataBytes - 1] === 0;
  const end = bytes.subarray(data, data + dataBytes).indexOf(0);
  return { text: decodeBytes(bytes, data, data + (end < 0 ? dataBytes : end)), reconnects };
}
