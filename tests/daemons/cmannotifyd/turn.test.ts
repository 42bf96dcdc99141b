import { assertEquals } from "@std/assert";
import { EAGAIN } from "../../../ffi/errno.ts";
import { answerOf } from "../../ffi/child.ts";
import type { TurnAnswer, TurnOrder } from "./turn_child.ts";

/** asm-generic/errno.h: a file system without locks, such as NFS without its lock daemon. */
const ENOLCK = 37;

async function takeTwice(path: string, errno: number): Promise<TurnAnswer> {
  const order: TurnOrder = { path, errno };
  return await answerOf("../daemons/cmannotifyd/turn_child.ts", order);
}

Deno.test("a turn is waited for while another has the lock, and taken at once, with a word, where there are no locks", async () => {
  const path = await Deno.makeTempFile();
  try {
    assertEquals(await takeTwice(path, EAGAIN), { taken: 0, notes: [] });
    const why = `"${path}" cannot be locked, scripts of two runs may overlap: No locks available`;
    assertEquals(await takeTwice(path, ENOLCK), { taken: 2, notes: [why] });
  } finally {
    await Deno.remove(path);
  }
});
