/** Loop devices on files of their own. */
import { join } from "@std/path";
import type { DeviceRef } from "../../../../daemons/mdmpd/tester_protocol.ts";
import { run } from "../../../../tasks/toolchain.ts";
import { inFolder } from "../../../tasks/needs.ts";

async function loopReason(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "not root";
  return (await run("losetup", ["--find"])).success ? undefined : "no loop devices";
}

const reason = await loopReason();

/** Registers a test that has a folder for its loops; skipped where there can be none, or something else that it needs is `missing`. */
export function loopTest(
  name: string,
  body: (folder: string) => Promise<void>,
  missing?: string,
): void {
  const obstacle = reason ?? missing;
  if (obstacle !== undefined) console.log(`SKIPPED ${name}: ${obstacle}`);
  Deno.test({ name, ignore: obstacle !== undefined, fn: () => inFolder(body) });
}

/** A loop device on a file of its own; it goes with `await using`. */
export class Loop implements AsyncDisposable {
  private constructor(readonly file: string, readonly node: string, readonly ref: DeviceRef) {}

  static async over(folder: string, name: string, bytes: number): Promise<Loop> {
    const file = join(folder, name);
    await Deno.writeFile(file, new Uint8Array(bytes));
    const node = (await run("losetup", ["--find", "--show", file])).stdout.trim();
    const kernelName = node.replace("/dev/", "");
    const device = (await Deno.readTextFile(`/sys/block/${kernelName}/dev`)).trim();
    return new Loop(file, node, { name: kernelName, device });
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    using file = await Deno.open(this.node, { write: true });
    await file.seek(offset, Deno.SeekMode.Start);
    await file.write(bytes);
    await file.syncData();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("losetup", ["-d", this.node]);
  }
}
