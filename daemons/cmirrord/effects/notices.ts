/** What the machine has to say to an administrator, in words. */
import { statusText } from "../../../ffi/corosync.ts";
import { strerror } from "../../../ffi/errno.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import { decodeBytes } from "../../../src/wire/bytes.ts";
import { NOTICE_PAUSE_MS } from "../limits.ts";
import type { Mirror } from "../mirror.ts";
import type { Notice } from "../port.ts";

/** `detail` is a request's type, a node, corosync's status, in words `status`, or an error number, in words `error`. */
const TEXTS: Readonly<Record<Notice, string>> = {
  badRequest: "a request of the kernel makes no sense: type {detail}",
  badMessage: "[{mirror}] a message of node {detail} makes no sense, and is dropped",
  checkpointMismatch: "[{mirror}] the checkpoint of node {detail} is of another log",
  checkpointMerged:
    "[{mirror}] merged with what node {detail} has written apart: what is dirty for one is dirty for both, and is recovered " +
    "when the mirror is resumed",
  logReadFailed: "[{mirror}] the log cannot be read, all is recovered: {error}",
  logWriteFailed: "[{mirror}] the log cannot be written: {error}",
  nodeGone:
    "[{mirror}] node {detail} is gone: what it had marked stays dirty until it is recovered",
  daemonDied: "[{mirror}] the daemon of node {detail} has died: its kernel goes on",
  joinRefused: "[{mirror}] corosync does not let it join, it is tried again: {status}",
  clusterLost: "[{mirror}] out of its group: requests wait until it is in again",
};
const WARNINGS: ReadonlySet<Notice> = new Set(["joinRefused", "nodeGone", "daemonDied"]);

/** The last 8 characters of the uuid: by them the original knows a mirror in its log. */
export function shortName(mirror: Mirror | undefined): string {
  return mirror === undefined ? "-" : uuidOf(mirror).slice(-8);
}

export function uuidOf({ groupName }: Mirror): string {
  return decodeBytes(groupName, 0, groupName.length - 1);
}

/** The detail in words, where it is not a node: the numbers of nodes are larger than any that the libraries take for an error. */
function wordsOf(notice: Notice, code: number): { error?: string; status?: string } {
  if (TEXTS[notice].includes("{error}")) return { error: strerror(code) };
  return TEXTS[notice].includes("{status}") ? { status: statusText(code) } : {};
}

export class Notices {
  readonly #log: Logger = logger("cmirrord", "mirror");
  /** When a notice of a mirror was logged last. */
  readonly #said = new Map<string, number>();

  constructor(private readonly now: () => number) {}

  say(notice: Notice, mirror: Mirror | undefined, detail: number): void {
    const key = `${notice} ${shortName(mirror)} ${detail}`;
    const last = this.#said.get(key);
    if (last !== undefined && this.now() < last + NOTICE_PAUSE_MS) return;
    if (this.#said.size > 1_000) this.#said.clear();
    this.#said.set(key, this.now());
    const code = Math.abs(detail);
    const fields = {
      mirror: shortName(mirror),
      detail: code,
      ...wordsOf(notice, code),
    };
    if (WARNINGS.has(notice)) this.#log.warn(TEXTS[notice], fields);
    else this.#log.error(TEXTS[notice], fields);
  }
}
