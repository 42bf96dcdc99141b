/** What lintian is told to put up with, and why. */
import { handlingOf } from "./services.ts";

/** A tag of lintian, with what it says behind the tag as far as that matters. */
export interface Override {
  readonly tag: string;
  readonly why: string;
}

/** Of the package that has no executable. */
export const metaOverrides: readonly Override[] = [{
  tag: "initial-upload-closes-no-bugs *",
  why: "It is not made for Debian's archive, where a bug would have announced it.",
}];

const embedded: Override = {
  tag: "embedded-library lcms2 *",
  why: "A part of Deno's runtime, which cannot be linked anew. No daemon has a way to reach it.",
};

const reload: Override = {
  tag: "maintainer-script-calls-systemctl *",
  why: "deb-systemd-invoke starts, stops and restarts; this daemon may only be reloaded.",
};

/** Of a daemon's package. */
export function daemonOverrides(name: string): Override[] {
  const scripts = handlingOf(name).upgrade === "reload" ? [reload] : [];
  return [...metaOverrides, embedded, ...scripts];
}

/** The overrides file of a package. */
export function overridesText(packageName: string, overrides: readonly Override[]): string {
  return overrides.map(({ tag, why }) => `# ${why}\n${packageName}: ${tag}\n`).join("");
}
