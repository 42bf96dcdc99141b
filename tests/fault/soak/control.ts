/** Asking a daemon in a lab. */
import type { Lab } from "../../native/virtlockd/lab.ts";

/** What it answers on its control socket; undefined where it does not: another client may have what it has to give. */
export async function answerOf(
  lab: Lab,
  control: string,
  request: string,
): Promise<string | undefined> {
  try {
    using connection = await connectTo(lab, control);
    await connection.write(new TextEncoder().encode(`${request}\n`));
    await connection.closeWrite();
    const text = await new Response(connection.readable).text();
    return text.startsWith("ok ") ? text.slice(text.indexOf("\n") + 1) : undefined;
  } catch {
    return undefined;
  }
}

export function connectTo(lab: Lab, control: string): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path: lab.outside(control) });
}
