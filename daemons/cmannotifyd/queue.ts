/**
 * Notifications that wait for their scripts, in the order of arrival. Pure.
 *
 * A full queue loses no news: a further notification takes the place of the last one of its kind, and stands for it from then on. So at
 * most one of each kind is held beyond the limit.
 */
import { QUEUE_REPORT_FIRST } from "./limits.ts";
import type { Notification } from "./notification.ts";

function union(a: readonly number[], b: readonly number[]): number[] {
  return [...new Set([...a, ...b])].sort((x, y) => x - y);
}

/** The newer one, with what only the older one could tell. */
function merge(older: Notification, newer: Notification): Notification {
  // What quorum was between the two, no script was told; and before the first of all there is nothing to tell.
  const { quorateBefore: _, ...rest } = newer;
  const { quorateBefore } = older;
  return {
    ...rest,
    ...(quorateBefore === undefined ? {} : { quorateBefore }),
    joined: union(older.joined, newer.joined),
    left: union(older.left, newer.left),
    merged: older.merged + newer.merged + 1,
  };
}

export class NotificationQueue {
  #items: Notification[] = [];
  #nextReport = QUEUE_REPORT_FIRST;
  /** The most that ever waited. */
  highWater = 0;

  constructor(readonly limit: number) {}

  get length(): number {
    return this.#items.length;
  }

  /** For invariants and for a status. */
  get items(): readonly Notification[] {
    return this.#items;
  }

  /** "merged": the queue is full, and the last one of its kind is now this one. */
  push(notification: Notification): "queued" | "merged" {
    const at = this.#items.findLastIndex(({ reason }) => reason === notification.reason);
    if (this.#items.length >= this.limit && at >= 0) {
      this.#items[at] = merge(this.#items[at], notification);
      return "merged";
    }
    this.#items.push(notification);
    this.highWater = Math.max(this.highWater, this.#items.length);
    return "queued";
  }

  shift(): Notification | undefined {
    return this.#items.shift();
  }

  /** Whether the length is worth a line in the log: at 16, and then at each doubling. */
  isReportDue(): boolean {
    if (this.#items.length < this.#nextReport) return false;
    this.#nextReport = 2 * this.#items.length;
    return true;
  }
}
