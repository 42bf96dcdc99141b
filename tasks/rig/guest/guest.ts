/** What a scenario in TypeScript is written with, as library.sh is for shell. Everything here works in the guest only. */

/** The number of this node, from 1, and of all nodes. */
export const node = Number(Deno.env.get("RIG_NODE"));
export const nodes = Number(Deno.env.get("RIG_NODES"));

/** The folder whose files are handed back to the host. */
export const output = Deno.env.get("RIG_OUTPUT") ?? "";

const results = `${Deno.env.get("RIG_FOLDER")}/results.jsonl`;

function emit(line: Record<string, unknown>): void {
  Deno.writeTextFileSync(results, `${JSON.stringify(line)}\n`, { append: true });
}

/** Seconds since the kernel started. */
export function uptime(): number {
  return parseFloat(Deno.readTextFileSync("/proc/uptime"));
}

let subject = "";

/** Says of what all following checks and figures are, in front of their names; "" for nothing in particular. */
export function about(what: string): void {
  subject = what === "" ? "" : `${what}: `;
}

/** Makes a check of a fact, and returns it. `detail` says what was seen. */
export function check(name: string, ok: boolean, detail = ""): boolean {
  emit({ name: `${subject}${name}`, ok, detail, at: uptime() });
  return ok;
}

/** A check that two values are the same as JSON. */
export function equal(name: string, wanted: unknown, actual: unknown): boolean {
  const [left, right] = [JSON.stringify(wanted), JSON.stringify(actual)];
  return check(name, left === right, left === right ? left : `wanted ${left}, but it is ${right}`);
}

/** Says something to who reads the results. */
export function note(text: string): void {
  emit({ note: text, at: uptime() });
}

/** Hands back a measurement. */
export function figure(name: string, value: number, unit: string): void {
  emit({ figure: `${subject}${name}`, value, unit });
}

/** Runs a command line of the shell and returns what it printed, without the last line end. Throws with all of it. */
export function sh(command: string): string {
  const { code, stdout, stderr } = new Deno.Command("sh", { args: ["-c", command] }).outputSync();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  if (code !== 0) {
    throw new Error(`status ${code} of: ${command}\n${text}${decoder.decode(stderr)}`);
  }
  return text.trimEnd();
}

/** Calls `condition` every 10 ms until it holds; resolves to whether it did in time. */
export async function eventually(seconds: number, condition: () => boolean): Promise<boolean> {
  const end = uptime() + seconds;
  while (!condition()) {
    if (uptime() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

/**
 * Turns this node off as a loss of power does: nothing is synced, no process ends, nobody is told. It was a success, as if the scenario
 * had come to its end here; the others are to meet without it.
 */
export function crash(): never {
  emit({ done: 0 });
  Deno.writeTextFileSync(`${Deno.env.get("RIG_FOLDER")}/ended`, "");
  Deno.writeTextFileSync("/proc/sysrq-trigger", "b");
  throw new Error("the node is still there");
}

const everyNode: readonly number[] = Array.from({ length: nodes }, (_, index) => index + 1);

/** Waits until every one of the nodes has come here. Throws when one has failed, or after two minutes. */
export async function meet(place: string, among = everyNode): Promise<void> {
  const isThere = (path: string): boolean => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  };
  Deno.writeTextFileSync(`/rig/meet/${place}.${node}`, "");
  for (const other of among) {
    const mark = `/rig/meet/${place}.${other}`;
    await eventually(120, () => isThere(mark) || isThere("/rig/failed"));
    if (!isThere(mark)) throw new Error(`node ${other} has not come to "${place}"`);
  }
}
