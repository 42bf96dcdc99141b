/** Runs on a node: a member of a group that sends without end, and writes down what becomes of it. ARGS: file. */
import { Reactor } from "../../../src/host/reactor.ts";
import { GatedGroups } from "../../../daemons/cmirrord/effects/gated_groups.ts";
import type { GroupEvents } from "../../../daemons/cmirrord/effects/groups.ts";

const PAUSE_MS = 10;
/** A stopped corosync's socket takes some hundred. */
const MESSAGES_A_TURN = 20;
const BYTES = 200;
const [file] = Deno.args;
const reactor = new Reactor();
const text = new Uint8Array(BYTES);
const view = new DataView(text.buffer);
const told = { turns: 0, sent: 0, refused: 0, delivered: 0, disorder: 0, joined: false };

const events: GroupEvents = {
  deliver: (_handle, _node, pid, _bytes, received) => {
    if (pid !== Deno.pid) return;
    if (received.getUint32(0) !== told.delivered) told.disorder++;
    told.delivered++;
  },
  configure: () => told.joined = true,
  dispatched: () => {},
  lost: () => {},
  self: () => {},
};
const groups = new GatedGroups(reactor, false, events);
let handle = -1;

function join(): void {
  handle = groups.initialize();
  if (handle < 0) reactor.after(PAUSE_MS, join);
  else groups.join(handle, new TextEncoder().encode("stopped\0"));
}

function turn(): void {
  told.turns++;
  for (let i = 0; told.joined && i < MESSAGES_A_TURN; i++) {
    view.setUint32(0, told.sent);
    if (groups.multicast(handle, text, BYTES) === 1) told.sent++;
    else told.refused++;
  }
  Deno.writeTextFileSync(`${file}.new`, JSON.stringify(told));
  Deno.renameSync(`${file}.new`, file);
  reactor.after(PAUSE_MS, turn);
}

join();
turn();
reactor.run();
