/**
 * Where our daemon is meant to differ from the C one. A sequence that is not listed here must have
 * the same outcome with both.
 */
import { aliasDivergences } from "./divergences_alias.ts";
import type { Divergence } from "./divergence.ts";
import { descriptorDivergences } from "./divergences_descriptor.ts";
import { holderDivergences } from "./divergences_holder.ts";
import { newDivergences } from "./divergences_new.ts";
import { reexecDivergences } from "./divergences_reexec.ts";

/** By the name of the sequence. */
export const divergences: ReadonlyMap<string, Divergence> = new Map([
  ...newDivergences,
  ...aliasDivergences,
  ...holderDivergences,
  ...reexecDivergences,
  ...descriptorDivergences,
]);
