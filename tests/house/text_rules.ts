/** Rules that a file's text shows line by line. */
import { denoVersion } from "../../tasks/toolchain.ts";
import type { SourceFile } from "./tree.ts";

// Put together from pieces, so that this file keeps its own rules.
const reminders = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);
const machinePaths = new RegExp(
  `(^|[^A-Za-z0-9_.])/(${["wor" + "k", "roo" + "t", "far" + "m", "tmp/h" + "k"].join("|")})/`,
);
const registryHosts = /https?:\/\/(registry|deb|security|dl|npm|packages)[.][a-z.-]+/;

/** Nothing is left for later in a comment. */
export function noReminders(file: SourceFile): string[] {
  return linesMatching(file, reminders, "a reminder");
}

/** No path that exists on one machine only, and no host of a package registry. */
export function noMachinePaths(file: SourceFile): string[] {
  return [
    ...linesMatching(file, machinePaths, "a path of one machine"),
    ...linesMatching(file, registryHosts, "the host of a registry"),
  ];
}

export function noTabs(file: SourceFile): string[] {
  return linesMatching(file, /\t/, "a tab");
}

/** Whoever names a version of Deno names the pinned one. */
export function pinnedDenoOnly({ text }: SourceFile): string[] {
  return [...text.matchAll(/\bdeno@(\d[\w.]*\d)/g)]
    .filter(([, version]) => version !== denoVersion)
    .map(([name]) => `${name}, but ${denoVersion} is pinned`);
}

function linesMatching({ text }: SourceFile, pattern: RegExp, what: string): string[] {
  const found: string[] = [];
  text.split("\n").forEach((line, index) => {
    if (pattern.test(line)) found.push(`line ${index + 1} has ${what}`);
  });
  return found;
}
