/** What `task fuzz` and the tests do again and again. */

export interface FuzzTarget {
  /** What the cases are. */
  readonly name: string;
  /** Makes a random case and checks it. Throws when something does not hold. */
  step(): void;
  /** The case that step() made, to be looked at. */
  describe(): string;
  /** How often each ending was seen, to show that a run was not all of one kind. */
  readonly tally: Readonly<Record<string, number>>;
}

/** Thrown for a case of which something does not hold. */
export class FuzzError extends Error {
  override name = "FuzzError";
}

export function hold(condition: boolean, what: string): void {
  if (!condition) throw new FuzzError(what);
}
