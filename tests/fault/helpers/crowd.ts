/** Drives crowd.c: thousands of clients in one process. */
import { compiled } from "../../native/virtlockd/c_program.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import { LOCK_SOCKET } from "../../native/virtlockd/lab_daemon.ts";
import { LineHelper } from "../../native/virtlockd/line_helper.ts";

export interface CrowdSize {
  readonly idle: number;
  readonly active: number;
}

/** How often the least and the most served client acquired and released, and how many answers were not a success. */
export interface Pairs {
  readonly least: number;
  readonly most: number;
  readonly failed: number;
}

export class Crowd implements AsyncDisposable {
  private constructor(private readonly helper: LineHelper) {}

  /** Returns once all are registered. Throws an Error with what the helper says if one cannot be. */
  static async start(lab: Lab, { idle, active }: CrowdSize): Promise<Crowd> {
    const program = await compiled("crowd", new URL("./", import.meta.url));
    const args = [LOCK_SOCKET, String(idle), String(active)];
    const helper = new LineHelper(lab.command(program, { args, stdin: "piped" }).spawn());
    await helper.ready("the crowd does not come together");
    return new Crowd(helper);
  }

  /** How many idle clients were answered. */
  async pings(): Promise<number> {
    return Number((await this.helper.ask("pings"))[0]);
  }

  async pairs(wanted: number): Promise<Pairs> {
    const [least, most, failed] = (await this.helper.ask(`pairs ${wanted}`)).map(Number);
    return { least, most, failed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.helper[Symbol.asyncDispose]();
  }
}
