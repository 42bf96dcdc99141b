/** A daemon that was started with -d: nobody's child, found by its pid file. */
import type { CommandOptions, Lab } from "../../native/virtlockd/lab.ts";
import { PID_FILE, stackStart } from "../../native/virtlockd/lab_daemon.ts";
import { eventually } from "./eventually.ts";
import { isDead } from "./process_status.ts";

const LOG_FILE = "/var/log/libvirt/virtlockd.log";
/** Should the test die, the daemon ends by itself once nobody is connected. */
const ORPHAN_TIMEOUT_S = 60;

export class Background implements AsyncDisposable {
  private constructor(private readonly lab: Lab, readonly pid: number) {}

  /** Throws an Error with what was said if the start fails. */
  static async start(
    lab: Lab,
    program: string,
    { args = [], ...options }: CommandOptions = {},
  ): Promise<Background> {
    const all = ["-d", "-t", String(ORPHAN_TIMEOUT_S), ...args];
    const { code, stderr } = await lab.command(program, { ...options, args: all }).output();
    if (code !== 0) throw new Error(`exit ${code}: ${new TextDecoder().decode(stderr)}`);
    return new Background(lab, Number(await Deno.readTextFile(lab.outside(PID_FILE))));
  }

  signal(signal: Deno.Signal): void {
    Deno.kill(this.pid, signal);
  }

  /** SIGUSR1, and waits for the new program image. */
  async reexec(): Promise<void> {
    const before = await stackStart(this.pid);
    this.signal("SIGUSR1");
    await eventually("a re-exec", async () => await stackStart(this.pid) !== before);
  }

  async ended(): Promise<void> {
    await eventually("the daemon to end", () => isDead(this.pid));
  }

  async log(): Promise<string> {
    return await Deno.readTextFile(this.lab.outside(LOG_FILE)).catch(() => "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (await isDead(this.pid)) return;
    this.signal("SIGKILL");
    await this.ended();
  }
}
