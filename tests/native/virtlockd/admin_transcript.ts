/**
 * What was said in an admin story, as lines of text (the golden files):
 *
 *     # title of the next call
 *     + client socket     a connection is made
 *     > client hex        a frame is sent
 *     < client hex        a frame comes back, normalised
 *     x client            the daemon has ended the connection
 *     - client            the client ends the connection
 */
import { fromHex, toHex } from "./client_frames.ts";

export type Line =
  | { readonly kind: "#"; readonly title: string }
  | { readonly kind: "+"; readonly client: string; readonly socket: string }
  | { readonly kind: ">" | "<"; readonly client: string; readonly bytes: Uint8Array }
  | { readonly kind: "x" | "-"; readonly client: string };

export function formatLine(line: Line): string {
  switch (line.kind) {
    case "#":
      return `# ${line.title}`;
    case "+":
      return `+ ${line.client} ${line.socket}`;
    case ">":
    case "<":
      return `${line.kind} ${line.client} ${toHex(line.bytes)}`;
    default:
      return `${line.kind} ${line.client}`;
  }
}

/** Throws an Error for a line of no known kind. */
export function parseLine(text: string): Line {
  const [kind, client, rest] = text.split(" ");
  switch (kind) {
    case "#":
      return { kind, title: text.slice(2) };
    case "+":
      return { kind, client, socket: rest };
    case ">":
    case "<":
      return { kind, client, bytes: fromHex(rest) };
    case "x":
    case "-":
      return { kind, client };
    default:
      throw new Error(`no line of a transcript: ${text}`);
  }
}

export function formatTranscript(lines: readonly Line[]): string {
  return lines.map((line) => `${formatLine(line)}\n`).join("");
}

export function parseTranscript(text: string): Line[] {
  return text.split("\n").filter((line) => line !== "").map(parseLine);
}
