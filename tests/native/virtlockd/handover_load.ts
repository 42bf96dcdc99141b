/** Drives helpers/handover_load.c: a hundred clients with a thousand locks inside a libvirtd lab. */
import { compiled } from "./c_program.ts";
import type { LibvirtLab } from "./libvirtd_lab.ts";
import type { Held } from "./libvirtd_locks.ts";
import { LineHelper } from "./line_helper.ts";

export interface LoadSize {
  readonly clients: number;
  /** How many of the clients are processes which the daemon kills when their connection ends. */
  readonly holders: number;
  /** Lease files held by one client each, at least as many as clients. */
  readonly exclusive: number;
  /** Lease files held by two clients each. */
  readonly shared: number;
  /** Existing files in the default lockspace. */
  readonly direct: number;
}

/** What became of a PING and a RELEASE/ACQUIRE pair of every connection. */
export interface Round {
  readonly answered: number;
  readonly failed: number;
  readonly dropped: number;
}

export class Load implements AsyncDisposable {
  private constructor(private readonly helper: LineHelper) {}

  /** Returns once all locks are held; throws an Error with what the helper says if they are not. */
  static async start(lab: LibvirtLab, socket: string, size: LoadSize): Promise<Load> {
    const numbers = [size.clients, size.holders, size.exclusive, size.shared, size.direct];
    const args = [socket, ...numbers.map(String)];
    const child = lab.command(await compiled("handover_load"), args, "piped").spawn();
    const helper = new LineHelper(child);
    await helper.ready("the load does not come up");
    return new Load(helper);
  }

  async round(): Promise<Round> {
    const [answered, failed, dropped] = (await this.helper.ask("round")).map(Number);
    return { answered, failed, dropped };
  }

  /** Milliseconds from SIGUSR1 to the first reply of the new image; undefined if the daemon ends. */
  async reexec(daemonPid: number): Promise<number | undefined> {
    const [microseconds] = await this.helper.ask(`reexec ${daemonPid}`);
    return microseconds === "gone" ? undefined : Number(microseconds) / 1000;
  }

  /** Closes the connection of one client and gives the pid of its process. */
  async drop(client: number): Promise<number> {
    return Number((await this.helper.ask(`drop ${client}`))[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.helper[Symbol.asyncDispose]();
  }
}

/** The files a load of that size must have locked. */
export function locksOfLoad(size: LoadSize): Held {
  const held: Record<string, "READ" | "WRITE"> = {};
  for (let i = 0; i < size.exclusive; i++) held[`/srv/load/exclusive-${digits(i)}`] = "WRITE";
  for (let i = 0; i < size.shared; i++) held[`/srv/load/shared-${digits(i)}`] = "READ";
  for (let i = 0; i < size.direct; i++) held[`/srv/direct/${digits(i)}`] = "WRITE";
  return held;
}

/** The same after the end of one client: a shared file stays locked for its other owner. */
export function locksWithout(client: number, size: LoadSize): Held {
  const gone = Object.keys(locksOfLoad(size)).filter((path) =>
    !path.includes("shared") && Number(path.slice(-4)) % size.clients === client
  );
  const held = { ...locksOfLoad(size) };
  for (const path of gone) delete held[path];
  return held;
}

function digits(number: number): string {
  return String(number).padStart(4, "0");
}
