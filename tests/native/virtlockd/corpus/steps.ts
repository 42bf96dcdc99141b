/** What each kind of step does on a stage. */
import { type Connection, Inbox } from "../client.ts";
import { ClientProcess } from "../client_process.ts";
import { pause } from "../lab_daemon.ts";
import type { Stage } from "./run.ts";
import type { Step } from "./script.ts";

type Of<K extends Step["kind"]> = Extract<Step, { kind: K }>;
type Table = { [K in Step["kind"]]: (stage: Stage, step: Of<K>) => Promise<void> | void };

/** How long to wait for the end of a holder or of its locks: the kill sequence takes 3 s. */
const HOLDER_TIMEOUT_MS = 8000;
const SLOW_END_MS = 1200;

export const perform: Table = {
  process: async (stage, { process, kind: _, ...options }) => {
    stage.processes.set(process, await ClientProcess.start(stage.lab, options));
  },
  connect: async (stage, { client, socket, process }) => {
    const path = stage.site.sockets[socket];
    const connecting = process === undefined
      ? stage.site.connect(client, path)
      : stage.process(process).connect(client, path);
    stage.connections.set(client, await connecting.catch(() => refused(stage, client)));
  },
  call: async (stage, { client, label, bytes }) => {
    await stage.send(client, bytes);
    stage.note(`${client} ${label}: ${await stage.answer(client)}`);
  },
  send: (stage, { client, bytes }) => stage.send(client, bytes),
  receive,
  halfClose: (stage, { client }) => stage.connection(client).halfClose(),
  close: async (stage, { client }) => {
    stage.disconnectedAt = performance.now();
    stage.left.add(client);
    await stage.connection(client).close();
  },
  command: async (stage, { process, line }) => {
    stage.note(`${process} ${line}: ${await stage.process(process).command(line)}`);
  },
  passDescriptors: async (stage, { client, process, count }) => {
    await stage.process(process).command(`pass ${client} ${count}`);
    stage.note(`${client} passing ${count} descriptors: ${await stage.answer(client)}`);
  },
  fork: async (stage, { process }) => {
    await stage.process(process).fork();
  },
  kill: async (stage, { process }) => {
    stage.disconnectedAt = performance.now();
    stage.process(process).kill("SIGKILL");
    await stage.process(process).endWithin(HOLDER_TIMEOUT_MS);
  },
  ended: async (stage, { process }) => {
    const patience = stage.daemon.ended ? 0 : HOLDER_TIMEOUT_MS;
    const fate = await stage.process(process).endWithin(patience);
    const slow = performance.now() - stage.disconnectedAt > SLOW_END_MS;
    stage.note(`${process}: ${fate ? `${fate} ${slow ? "after 1.6 s" : "at once"}` : "alive"}`);
  },
  freed,
  file: async (stage, { path, content, mode }) => {
    await stage.lab.write(path, content, mode);
  },
  directory: async (stage, { path, mode }) => {
    await Deno.mkdir(stage.lab.outside(path));
    await Deno.chmod(stage.lab.outside(path), mode);
  },
  symlink: (stage, { from, to }) => Deno.symlink(from, stage.lab.outside(to)),
  hardLink: (stage, { from, to }) => Deno.link(stage.lab.outside(from), stage.lab.outside(to)),
  rename: (stage, { from, to }) => Deno.rename(stage.lab.outside(from), stage.lab.outside(to)),
  device: async (stage, { path }) => {
    await stage.lab.run("mknod", path, "c", "1", "3");
  },
  remove: (stage, { path }) => Deno.remove(stage.lab.outside(path)),
  chmod: (stage, { path, mode }) => Deno.chmod(stage.lab.outside(path), mode),
  mount,
  observe: async (stage, { label }) => {
    await stage.settle();
    const { files, locks } = await stage.state();
    for (const line of [...files, ...locks]) stage.note(`${label}: ${line}`);
  },
  settle: (stage) => stage.settle(),
  pause: (_, { ms }) => pause(ms),
  freeze: (stage) => stage.daemon.freeze(),
  thaw: (stage) => stage.daemon.signal("SIGCONT"),
  reexec: async (stage) => {
    await stage.settle();
    const done = await stage.daemon.reexec();
    await stage.settle();
    stage.note(stage.daemon.ended ? "re-exec failed" : done ? "re-exec done" : "no re-exec");
  },
  signal: async (stage, { signal, ms }) => {
    stage.disconnectedAt = performance.now();
    stage.daemon.signal(signal);
    await stage.daemon.endWithin(ms);
  },
};

/** A connection that never was, as when the daemon is gone. */
function refused(stage: Stage, client: string): Connection {
  stage.note(`${client} cannot connect`);
  const inbox = new Inbox();
  inbox.end();
  const nothing = (): Promise<void> => Promise.resolve();
  return { inbox, send: nothing, halfClose: nothing, close: nothing };
}

async function receive(stage: Stage, { client, count, ms }: Of<"receive">): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { inbox } = stage.connection(client);
    const frame = await inbox.frameWithin(ms);
    const nothing = inbox.closed ? "closed" : `nothing within ${ms} ms`;
    stage.note(`${client}: ${frame ? stage.received(frame) : nothing}`);
  }
}

async function freed(stage: Stage, { path }: Of<"freed">): Promise<void> {
  const name = path.slice("/srv/".length);
  const deadline = performance.now() + HOLDER_TIMEOUT_MS;
  const held = async (): Promise<boolean> =>
    (await stage.state()).locks.some((line) =>
      line.startsWith(`${name}: `) && line.endsWith(" by the daemon")
    );
  while (performance.now() < deadline && await held()) await pause(50);
  stage.note(`${path}: ${await held() ? "still locked" : "free"}`);
}

async function mount(stage: Stage, { path, what }: Of<"mount">): Promise<void> {
  if (what === "full") {
    await stage.lab.run("mount", "-t", "tmpfs", "-o", "nr_inodes=1,mode=755", "full", path);
    return;
  }
  await stage.lab.run("mount", "--bind", path, path);
  await stage.lab.run("mount", "-o", "remount,bind,ro", path);
}
