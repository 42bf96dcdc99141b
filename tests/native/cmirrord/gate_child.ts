/** Runs on a node: joins a group behind the gate of quorum, again whenever it is lost, and writes down what it is told. ARGS: file, pid. */
import { Reactor } from "../../../src/host/reactor.ts";
import { GatedGroups } from "../../../daemons/cmirrord/effects/gated_groups.ts";
import type { GroupEvents } from "../../../daemons/cmirrord/effects/groups.ts";
import type { Member } from "../../../daemons/cmirrord/membership.ts";

const RETRY_MS = 50;
const [file] = Deno.args;
const say = (line: string): void => Deno.writeTextFileSync(file, `${line}\n`, { append: true });
const names = (list: readonly Member[]): string =>
  list.map(({ nodeid, reason }) => `${nodeid}${reason === 0 ? "" : `:${reason}`}`).join(",");

const reactor = new Reactor();
let joined = -1;

const events: GroupEvents = {
  deliver: (_handle, node, _pid, bytes, _view, length) =>
    say(`message of ${node}: ${new TextDecoder().decode(bytes.slice(0, length))}`),
  configure: (_handle, members, left, joined) =>
    say(`members ${names(members)} left ${names(left)} joined ${names(joined)}`),
  dispatched: () => {},
  lost: (handle) => {
    say("lost");
    groups.finalize(handle);
    joined = -1;
    reactor.after(RETRY_MS, join);
  },
  self: () => {},
};
const groups = new GatedGroups(reactor, true, events);

function join(): void {
  joined = groups.initialize();
  const isIn = joined >= 0 && groups.join(joined, new TextEncoder().encode("gate\0")) === 1;
  if (!isIn) reactor.after(RETRY_MS, join);
}

/** A word every now and then: what is sent while it is not known whether this node may is refused. */
function talk(): void {
  const text = new TextEncoder().encode("on");
  if (joined >= 0) groups.multicast(joined, text, text.length);
  reactor.after(20 * RETRY_MS, talk);
}

join();
talk();
reactor.run();
