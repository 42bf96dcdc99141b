/** Plays an admin story against a daemon in a lab of its own. */
import * as admin from "./admin_frames.ts";
import { normalised } from "./admin_replies.ts";
import type { AdminStep, AdminStory } from "./admin_story.ts";
import type { Line } from "./admin_transcript.ts";
import { Client } from "./client.ts";
import { toHex } from "./client_frames.ts";
import { Lab } from "./lab.ts";
import { ADMIN_SOCKET, LOCK_SOCKET, pause } from "./lab_daemon.ts";

const WATCHER = "watcher";
/** For any one thing that a story waits for: frames of megabytes take their time on a machine that has much else to do. */
const TIMEOUT_MS = 120_000;
const sockets = { admin: ADMIN_SOCKET, lock: LOCK_SOCKET };

/** Throws an Error if the daemon does not start, or keeps us waiting: it tells for what, and what the daemon has said. */
export async function play(story: AdminStory, binary: string): Promise<Line[]> {
  await using lab = await Lab.open();
  const daemon = await lab.start(binary, { startLimitMs: TIMEOUT_MS });
  const stage = new Stage(lab);
  try {
    await stage.begin();
    for (const step of story.steps) await stage.play(step);
    await stage.end();
    return stage.lines;
  } catch (cause) {
    throw new Error(`${binary}, after "${stage.title}": ${cause}\n${daemon.stderr}`, { cause });
  } finally {
    await stage.clear();
  }
}

class Stage {
  readonly lines: Line[] = [];
  /** Of the last call. */
  title = "the start";
  readonly #clients = new Map<string, Client>();
  readonly #present = { admin: new Set<string>(), lock: new Set<string>() };

  constructor(readonly lab: Lab) {}

  /** Waits for the admin socket, which is bound after the lock socket that the lab has waited for. */
  async begin(): Promise<void> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      try {
        await this.connect(WATCHER, "admin");
        return await this.untilCount("lock", 0);
      } catch (error) {
        if (!isNotYet(error) || performance.now() > deadline) throw error;
        await pause(5);
      }
    }
  }

  async connect(name: string, socket: "admin" | "lock"): Promise<void> {
    this.#clients.set(name, await Client.connect(this.lab.outside(sockets[socket])));
    this.#present[socket].add(name);
    this.lines.push({ kind: "+", client: name, socket });
    if (name !== WATCHER) await this.untilCount(socket, this.#present[socket].size);
  }

  async play(step: AdminStep): Promise<void> {
    if (step.kind === "connect") return await this.connect(step.client, step.socket);
    if (step.kind === "ended") return await this.#ended(step.client);
    if (step.kind === "close") return await this.#close(step.client);
    this.title = step.title;
    this.lines.push({ kind: "#", title: step.title });
    this.lines.push({ kind: ">", client: step.client, bytes: step.bytes });
    await this.#client(step.client).send(step.bytes);
    if (step.kind === "call") await this.#answer(step.client);
  }

  /** Waits until a server has so many clients: connecting and leaving are not answered. */
  async untilCount(socket: "admin" | "lock", count: number): Promise<void> {
    const limits = admin.getLimits(socket === "admin" ? "admin" : "virtlockd");
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const reply = await this.#client(WATCHER).call(limits, TIMEOUT_MS);
      if (reply && clientCount(reply) === count) return;
      if (!reply || performance.now() > deadline) throw new Error(`never ${count} clients`);
      await pause(5);
    }
  }

  /** Whatever is still there, once the daemon has answered a last call. */
  async end(): Promise<void> {
    const last = await this.#client(WATCHER).call(admin.version(), TIMEOUT_MS);
    if (last === undefined) throw new Error("the last call was not answered");
    for (const [client, { inbox }] of this.#clients) {
      for (let frame; (frame = inbox.takeFrame());) this.#received(client, frame);
      if (inbox.takeRest().length > 0) throw new Error(`${client} was sent part of a frame`);
      if (inbox.closed) this.lines.push({ kind: "x", client });
    }
  }

  async clear(): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
  }

  #client(name: string): Client {
    const client = this.#clients.get(name);
    if (!client) throw new Error(`no client "${name}"`);
    return client;
  }

  async #answer(client: string): Promise<void> {
    const { inbox } = this.#client(client);
    const frame = await inbox.frameWithin(TIMEOUT_MS);
    if (frame) return this.#received(client, frame);
    if (!inbox.closed) throw new Error(`${client} waits for an answer in vain`);
    await this.#gone(client);
  }

  #received(client: string, frame: Uint8Array): void {
    this.lines.push({ kind: "<", client, bytes: normalised(frame) });
  }

  async #ended(client: string): Promise<void> {
    const { inbox } = this.#client(client);
    const deadline = performance.now() + TIMEOUT_MS;
    while (!inbox.closed && performance.now() < deadline) await inbox.change(TIMEOUT_MS);
    if (!inbox.closed) throw new Error(`${client} waits for its end in vain`);
    for (let frame; (frame = inbox.takeFrame());) this.#received(client, frame);
    await this.#gone(client);
  }

  async #gone(client: string): Promise<void> {
    this.lines.push({ kind: "x", client });
    await this.#client(client).close();
    this.#forget(client);
  }

  async #close(client: string): Promise<void> {
    await this.#client(client).close();
    this.lines.push({ kind: "-", client });
    const socket = this.#forget(client);
    await this.untilCount(socket, this.#present[socket].size);
  }

  #forget(client: string): "admin" | "lock" {
    this.#clients.delete(client);
    const socket = this.#present.lock.has(client) ? "lock" : "admin";
    this.#present[socket].delete(client);
    return socket;
  }
}

function isNotYet(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused;
}

/** The value of `nclients` in a reply of SERVER_GET_CLIENT_LIMITS: 16 bytes with its name and type in front. */
function clientCount(reply: Uint8Array): number {
  const field = toHex(new TextEncoder().encode("\0\0\0\x08nclients\0\0\0\x02"));
  const at = toHex(reply).indexOf(field);
  return at < 0 ? -1 : parseInt(toHex(reply).slice(at + field.length, at + field.length + 8), 16);
}
