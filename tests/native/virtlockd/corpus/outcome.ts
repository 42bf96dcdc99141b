/** What a sequence led to, as lines of text that are equal exactly if the behaviour was equal. */
import type { Lab } from "../lab.ts";
import { WORK_DIRECTORY } from "../lab.ts";
import { readable } from "../client_describe.ts";
import * as locks from "../lab_locks.ts";

export interface Outcome {
  /** One line for each reply, silence, end of a connection or other observation, in order. */
  readonly trace: readonly string[];
  /** `CLIENT open` or `CLIENT closed`, in order of connecting. */
  readonly connections: readonly string[];
  /** `PROCESS alive` or how it ended. */
  readonly processes: readonly string[];
  readonly files: readonly string[];
  readonly locks: readonly string[];
  /** `serving` or how it ended. */
  readonly daemon: string;
}

/** Living processes by the names they have in the sequence, so that outcomes can be compared. */
export type Holders = ReadonlyMap<string, number>;

/** `KIND MODE PATH`, with the size of a file that is not empty and its links if it has several. */
export function fileLines(files: readonly locks.FileEntry[]): string[] {
  return files.map(({ path, kind, mode, size, links }) => {
    const extra = (size > 0 ? ` ${size} bytes` : "") +
      (links > 1 && kind === "file" ? ` ${links} links` : "");
    return `${kind} ${mode.toString(8)} ${printable(path)}${extra}`;
  });
}

/** The locks of these processes, by file. */
export async function lockLines(
  lab: Lab,
  files: readonly locks.FileEntry[],
  pidFilePath: string,
  holders: Holders,
): Promise<string[]> {
  const names = namesByIdentity(files);
  const pidFile = await locks.fileIdentity(lab.outside(pidFilePath));
  if (pidFile) names.set(pidFile, "the pid file");
  const lines: string[] = [];
  for (const [holder, pid] of holders) {
    for (const { identity, type, access, range } of await locks.locksOf(pid)) {
      const name = names.get(identity) ?? "a file without name";
      lines.push(`${name}: ${type} ${access} ${range} by ${holder}`);
    }
  }
  return lines.sort();
}

/** A path of one character a byte, as replies are shown. */
function printable(path: string): string {
  return readable(Uint8Array.from(path, (character) => character.charCodeAt(0)));
}

function namesByIdentity(files: readonly locks.FileEntry[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { identity, path } of files) {
    const other = names.get(identity);
    const name = printable(path);
    names.set(identity, other === undefined ? name : `${other} = ${name}`);
  }
  return names;
}

export interface State {
  readonly files: readonly string[];
  readonly locks: readonly string[];
}

export async function stateOf(lab: Lab, pidFile: string, holders: Holders): Promise<State> {
  const files = await locks.listFiles(lab, WORK_DIRECTORY);
  return { files: fileLines(files), locks: await lockLines(lab, files, pidFile, holders) };
}

/** The whole outcome, one observation a line. */
export function inLines(outcome: Outcome): string[] {
  const { trace, connections, processes, files, locks: held, daemon } = outcome;
  return [
    ...trace,
    ...connections.map((line) => `client ${line}`),
    ...processes.map((line) => `process ${line}`),
    ...files,
    ...held,
    `daemon ${daemon}`,
  ];
}

/** The lines that differ, `-` before those of `expected`, `+` before those of `actual`. */
export function differences(expected: Outcome, actual: Outcome): string[] {
  const lines: string[] = [];
  for (const part of Object.keys(expected) as Array<keyof Outcome>) {
    const [left, right] = [expected[part], actual[part]].map((value) => [value].flat());
    const same = left.length === right.length && left.every((line, i) => line === right[i]);
    if (!same) lines.push(`${part}:`, ...contrast(left, right));
  }
  return lines;
}

function contrast(left: readonly string[], right: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    if (left[i] === right[i]) lines.push(`    ${left[i]}`);
    else {
      if (left[i] !== undefined) lines.push(`  - ${left[i]}`);
      if (right[i] !== undefined) lines.push(`  + ${right[i]}`);
    }
  }
  return lines;
}
