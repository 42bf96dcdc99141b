/** What mdmpd reads, damaged. */
import { mdmpdTargets } from "./mdmpd_targets.ts";
import { fuzzTests } from "./fuzz_tests.ts";

fuzzTests("mdmpd", mdmpdTargets, 20_030_521, 50_000);
