/** What cmirrord reads, damaged. */
import { cmirrordTargets } from "./cmirrord_targets.ts";
import { fuzzTests } from "./fuzz_tests.ts";

fuzzTests("cmirrord", cmirrordTargets, 20_110_606, 250_000);
