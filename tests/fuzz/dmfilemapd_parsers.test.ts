/** What dmfilemapd reads, damaged. */
import { dmfilemapdTargets } from "./dmfilemapd_targets.ts";
import { fuzzTests } from "./fuzz_tests.ts";

fuzzTests("dmfilemapd", dmfilemapdTargets, 20_220_418, 200_000);
