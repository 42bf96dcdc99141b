/** Runs on a node of a cluster of one, uses each of corosync's libraries through ffi/ and prints what came of it as JSON. */
import { Cfg, COROSYNC_CFG_SHUTDOWN_FLAG_REQUEST } from "../../../ffi/cfg.ts";
import { Cmap, CMAP_TRACK_ADD, CMAP_TRACK_DELETE, CMAP_TRACK_MODIFY } from "../../../ffi/cmap.ts";
import { type Connection, CorosyncError, CS_OK } from "../../../ffi/corosync.ts";
import { Cpg, type CpgHandlers } from "../../../ffi/cpg.ts";
import { pollDescriptor, POLLIN } from "../../../ffi/poll.ts";
import { Quorum } from "../../../ffi/quorum.ts";
import { Votequorum } from "../../../ffi/votequorum.ts";

type Log = unknown[][];

/** Dispatches until `done`, or until nothing has come for two seconds. */
function dispatchUntil(connection: Connection, done: () => boolean): number {
  while (!done() && pollDescriptor(connection.fd, POLLIN, 2_000) > 0) {
    const code = connection.dispatch();
    if (code !== CS_OK) return code;
  }
  return CS_OK;
}

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

function quorumStory(): Log {
  const log: Log = [];
  const quorum = Quorum.connect({
    quorum: (quorate, ring, members) => log.push(["quorum", quorate, ring.nodeId, members]),
    nodelist: (ring, members, joined, left) =>
      log.push(["nodelist", ring.nodeId, members, joined, left]),
  });
  quorum.trackStart();
  dispatchUntil(quorum, () => log.length === 2);
  log.push(["provider", quorum.hasProvider, quorum.isQuorate()]);
  quorum.close();
  log.push(["closed", quorum.dispatch()]);
  return log;
}

function cmapStory(): Log {
  const log: Log = [];
  const cmap = Cmap.connect();
  const kinds = CMAP_TRACK_ADD | CMAP_TRACK_MODIFY | CMAP_TRACK_DELETE;
  cmap.track("test.value", kinds, (event, key, value) => log.push([event, key, value]));
  cmap.setUnsigned("test.value", 7, 8);
  cmap.setUnsigned("test.value", 7, 8);
  cmap.setUnsigned("test.value", 8, 8);
  cmap.delete("test.value");
  dispatchUntil(cmap, () => log.length === 3);
  log.push(["get", cmap.get("totem.cluster_name"), cmap.get("totem.token"), cmap.get("no.such")]);
  log.push(["members", ...cmap.keys("nodelist.node.")]);
  try {
    cmap.setUnsigned("totem.version", 1, 32);
  } catch (error) {
    log.push([error instanceof CorosyncError && error.code, String(error)]);
  }
  cmap.close();
  return log;
}

/** How much of libqb's shared memory is mapped. */
function rings(): number {
  return Deno.readTextFileSync("/proc/self/maps").match(/\/qb-.*$/gm)?.length ?? 0;
}

async function askToShutDown(): Promise<string> {
  const asked = await new Deno.Command("corosync-cfgtool", { args: ["-H"] }).output();
  return new TextDecoder().decode(asked.stdout).trim().split("\n").at(-1) ?? "";
}

/** Five times: asked, answers no, closes. */
async function cfgStory(): Promise<Log> {
  const log: Log = [];
  const counts: number[] = [];
  for (let i = 0; i < 5; i++) {
    const flags: number[] = [];
    const cfg = Cfg.connect((flag) => {
      flags.push(flag);
      cfg.replyToShutdown(false);
    });
    cfg.trackStart();
    const asking = askToShutDown();
    dispatchUntil(cfg, () => flags.length === 1);
    const answer = await asking;
    if (i === 0) log.push(["node", cfg.localNodeId(), flags, answer]);
    log.push([flags[0] === COROSYNC_CFG_SHUTDOWN_FLAG_REQUEST]);
    cfg.close();
    counts.push(descriptors());
  }
  log.push(["descriptors more", counts[4] - counts[0]], ["rings", rings()]);
  return log;
}

function votequorumStory(): Log {
  const log: Log = [];
  const votequorum = Votequorum.connect({
    quorum: (quorate, nodes) => log.push(["quorum", quorate, nodes]),
    expectedVotes: (votes) => log.push(["expected", votes]),
    nodelist: (ring, members) => log.push(["nodelist", ring.nodeId, members]),
  });
  votequorum.trackStart();
  dispatchUntil(votequorum, () => log.length === 2);
  log.push(["info", votequorum.info()]);
  votequorum.close();
  return log;
}

const FRAGMENTED_BYTES = 3_000_000;

function cpgStory(): Log {
  const log: Log = [];
  const handlers: CpgHandlers = {
    deliver: (nodeId, pid, bytes, length) =>
      log.push([nodeId, pid === Deno.pid, length, bytes[0], bytes[length - 1]]),
    confchg: (members, left, joined) =>
      log.push([members.length, left.length, joined.map(({ reason }) => reason)]),
    totemConfchg: (ring, members) => log.push(["ring", ring.nodeId, members]),
  };
  const cpg = Cpg.connect(handlers);
  cpg.join("test");
  dispatchUntil(cpg, () => log.length === 2);
  for (const length of [0, 64, FRAGMENTED_BYTES]) {
    const message = new Uint8Array(FRAGMENTED_BYTES).fill(length % 251);
    log.push(["sent", cpg.send(message, length)]);
    const seen = log.length;
    dispatchUntil(cpg, () => log.length > seen);
  }
  log.push(["members", cpg.members("test").length, cpg.localNodeId(), cpg.maxAtomicBytes()]);
  cpg.leave("test");
  cpg.close();
  return log;
}

/** Corosync is killed while we are connected. */
function deathStory(pid: number): Log {
  const quorum = Quorum.connect({ quorum: () => {}, nodelist: () => {} });
  quorum.trackStart();
  quorum.dispatch();
  Deno.kill(pid, "SIGKILL");
  const code = dispatchUntil(quorum, () => false);
  const again = quorum.dispatch();
  quorum.close();
  try {
    Quorum.connect({ quorum: () => {}, nodelist: () => {} });
    return [["connected to nobody"]];
  } catch (error) {
    return [["dispatch", code, again], ["connect", (error as CorosyncError).code, String(error)]];
  }
}

const stories = {
  quorum: quorumStory(),
  cmap: cmapStory(),
  cfg: await cfgStory(),
  votequorum: votequorumStory(),
  cpg: cpgStory(),
  death: deathStory(Number(Deno.args[0])),
};
console.log(JSON.stringify(stories));
