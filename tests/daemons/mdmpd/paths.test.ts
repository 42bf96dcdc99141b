/** Arrays and paths as they are at one moment. */
import { assertEquals } from "@std/assert";
import {
  compareNames,
  freeSlot,
  isRunning,
  isUuid,
  nodeOf,
  workingPaths,
} from "../../../daemons/mdmpd/paths.ts";
import { sight } from "./machine_world.ts";

Deno.test("compareNames puts numbers in their order and names in theirs", () => {
  const names = ["md10", "md2", "md_data", "md1", "md_d2", "md_d10", "md"];
  const sorted = ["md", "md1", "md2", "md10", "md_d2", "md_d10", "md_data"];
  assertEquals(names.sort(compareNames), sorted);
});

Deno.test("workingPaths are those with a slot, by slot; freeSlot is the first that nobody has", () => {
  const array = sight("SFUU");
  assertEquals(workingPaths(array).map(({ name }) => name), ["c", "d"]);
  assertEquals([freeSlot(array), freeSlot(sight("UUU")), freeSlot(sight("UFU"))], [
    0,
    undefined,
    1,
  ]);
});

Deno.test("isRunning doubts an array that is being stopped or assembled, and no other", () => {
  const states = ["clean", "active", "readonly", "read-auto", "write-pending", "active-idle"];
  assertEquals(states.filter((state) => !isRunning({ state })), []);
  assertEquals(["", "clear", "inactive", "broken"].filter((state) => isRunning({ state })), []);
});

Deno.test("isUuid and nodeOf know what sysfs writes", () => {
  assertEquals([isUuid("0".repeat(32)), isUuid("of md0"), isUuid("0".repeat(31))], [
    true,
    false,
    false,
  ]);
  assertEquals(nodeOf("cciss!c0d0"), "/dev/cciss/c0d0");
});
