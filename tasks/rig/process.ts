/** One machine's QEMU. */
import { type Machine, qemuArguments } from "./command.ts";
import type { Ending } from "./results.ts";
import { findProgram } from "./requirements.ts";

/** A running machine. It dies with this process, however that ends: the kernel sees to it (PR_SET_PDEATHSIG, prctl(2)). */
export class MachineProcess {
  #child: Deno.ChildProcess;
  #killedAfterSeconds: number | undefined;
  readonly #began = performance.now();
  /** When it has ended, by itself or killed. */
  readonly ended: Promise<Ending>;

  private constructor(child: Deno.ChildProcess, said: Promise<string>) {
    this.#child = child;
    this.ended = this.#waitForEnd(said);
  }

  /** Starts a machine in `folder`. */
  static async start(machine: Machine, folder: string): Promise<MachineProcess> {
    const onTerminal = machine.console === undefined;
    const qemu = await findProgram("qemu-system-x86_64") ?? "qemu-system-x86_64";
    const child = new Deno.Command(await findProgram("setpriv") ?? "setpriv", {
      args: ["--pdeathsig", "KILL", qemu, ...qemuArguments(machine)],
      cwd: folder,
      stdin: onTerminal ? "inherit" : "null",
      stdout: onTerminal ? "inherit" : "null",
      stderr: "piped",
    }).spawn();
    return new MachineProcess(child, new Response(child.stderr).text());
  }

  async #waitForEnd(said: Promise<string>): Promise<Ending> {
    const { code } = await this.#child.status;
    const killedAfterSeconds = this.#killedAfterSeconds;
    return {
      code,
      said: await said,
      ...killedAfterSeconds !== undefined && { killedAfterSeconds },
    };
  }

  /** Ends the machine at once. */
  kill(): void {
    this.#killedAfterSeconds ??= Math.round((performance.now() - this.#began) / 1000);
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  }
}
