/** A binary min-heap of things that are due at a time. */
export interface Due {
  dueMs: number;
  /** Position in the heap, kept by it; −1 when not in one. */
  slot: number;
}

export class Heap<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The item due first, or undefined. */
  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#place(item, this.#items.length);
    this.#rise(item);
  }

  /** Takes an item out, wherever it stands. Nothing happens when it is not in the heap. */
  remove(item: T): void {
    const slot = item.slot;
    if (slot < 0) return;
    item.slot = -1;
    const last = this.#items.pop() as T;
    if (last === item) return;
    this.#place(last, slot);
    this.#rise(last);
    this.#sink(last);
  }

  #place(item: T, slot: number): void {
    this.#items[slot] = item;
    item.slot = slot;
  }

  #rise(item: T): void {
    while (item.slot > 0) {
      const slot = item.slot;
      const parent = this.#items[(slot - 1) >> 1];
      if (parent.dueMs <= item.dueMs) return;
      this.#place(item, parent.slot);
      this.#place(parent, slot);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const slot = item.slot;
      const child = this.#earlierChild(slot);
      if (child === undefined || child.dueMs >= item.dueMs) return;
      this.#place(item, child.slot);
      this.#place(child, slot);
    }
  }

  #earlierChild(slot: number): T | undefined {
    const left = this.#items[2 * slot + 1];
    const right = this.#items[2 * slot + 2];
    return right !== undefined && right.dueMs < left.dueMs ? right : left;
  }
}
