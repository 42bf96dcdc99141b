/** Counts how often words of memory are read: work that can be compared on any machine. */

/** Calls `make`; `reads()` then says how many words were read since, of all Uint32Arrays that it made. */
export function countReads<T>(make: () => T): { readonly made: T; readonly reads: () => number } {
  const Plain = globalThis.Uint32Array;
  let count = 0;
  const counted = (array: Uint32Array): Uint32Array => {
    const proxy: Uint32Array = new Proxy(array, {
      get(target, key): unknown {
        if (typeof key === "string" && key.charCodeAt(0) <= 0x39) count++;
        const value = Reflect.get(target, key);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          count += target.length;
          const result = Reflect.apply(value, target, args);
          return result === target ? proxy : result;
        };
      },
      set: (target, key, value) => Reflect.set(target, key, value),
    });
    return proxy;
  };
  class Counted extends Plain {
    constructor(...args: ConstructorParameters<Uint32ArrayConstructor>) {
      super(...args);
      return counted(this) as this;
    }
  }
  globalThis.Uint32Array = Counted as unknown as Uint32ArrayConstructor;
  try {
    const made = make();
    const before = count;
    return { made, reads: () => count - before };
  } finally {
    globalThis.Uint32Array = Plain;
  }
}
