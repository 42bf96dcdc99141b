/** A node that is alone answers the requests of so many writes, as garbage.test.ts asks. */
import {
  CLEAR_REGION,
  FLUSH,
  IN_SYNC,
  MARK_REGION,
  ULOG_BYTES,
} from "../../../daemons/cmirrord/ulog.ts";
import { CONNECTOR_HEADER_BYTES } from "../../../src/wire/netlink.ts";
import { FuzzWorld, REGIONS, requestFrame } from "../../fuzz/cmirrord_world.ts";

/** Counts answers, and keeps nothing. */
class QuietWorld extends FuzzWorld {
  answered = 0;
  override toKernel(): void {
    this.answered++;
  }
}

const region = new Uint8Array(8);
const nothing = new Uint8Array(0);
/** One write at a time, to a region at rest. */
const frames = [
  ...[IN_SYNC, IN_SYNC, MARK_REGION].map((type) => requestFrame(1, type, region)),
  requestFrame(1, FLUSH, nothing),
  requestFrame(1, CLEAR_REGION, region),
  requestFrame(1, FLUSH, nothing),
];

const [writes] = Deno.args.map(Number);
const world = new QuietWorld([]);
const before = world.answered;
const buffer = new Uint8Array(2_048);
const view = new DataView(buffer.buffer);
for (let write = 0; write < writes; write++) {
  for (const frame of frames) {
    buffer.set(frame);
    if (frame.length > CONNECTOR_HEADER_BYTES + ULOG_BYTES) {
      buffer[frame.length - 8] = write % REGIONS;
    }
    world.machine.fromKernel(buffer, view, frame.length, write);
  }
}
console.log(`answered ${world.answered - before}, complaints ${world.complaints}`);
