/** What a bench is told. */
export interface BenchOptions {
  readonly rounds: number;
  /** virtlockd: lock and unlock pairs of a load. */
  readonly pairs: number;
  /** virtlockd: also what is held after a million pairs. */
  readonly long: boolean;
  /** dmfilemapd: how long it is left alone. */
  readonly idleSeconds: number;
}
