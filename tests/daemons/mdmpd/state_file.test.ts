/** The state file where it cannot be written for a while. */
import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { loadMemory, StateFile } from "../../../daemons/mdmpd/effects/state_file.ts";
import { arrayMemory, type Memory, rememberPath } from "../../../daemons/mdmpd/memory.ts";
import { ManualReactor } from "../../fault/helpers/manual_reactor.ts";

/** Longer than what is written together waits, and shorter than the pause before another attempt. */
const SOON_MS = 1_000;
const LATER_MS = 60_000;

Deno.test("StateFile writes what it could not write as soon as it can, though nothing has changed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hk-" });
  const memory: Memory = new Map();
  const hardware = { sectors: 100, readOnly: false, names: [] };
  rememberPath(arrayMemory(memory, "u"), "a", { hardware, device: "8:0", diskSequence: 7 });
  const path = join(folder, "later", "state.json");
  const reactor = new ManualReactor();
  const file = new StateFile(reactor, path, memory, () => new Set(["u"]));
  file.touch();
  reactor.advance(SOON_MS);
  assertEquals(loadMemory(path), new Map(), "there is no folder to write to");
  await Deno.mkdir(join(folder, "later"));
  reactor.advance(SOON_MS);
  assertEquals(loadMemory(path), new Map(), "it does not try all the time");
  reactor.advance(LATER_MS);
  assertEquals([...loadMemory(path).keys()], ["u"]);
  await Deno.remove(folder, { recursive: true });
});
