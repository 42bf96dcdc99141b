/** Where the systems that we package for want the files. */
import { PROGRAM_FOLDER } from "../unit.ts";

/** The folders in which systems differ. */
export interface Layout {
  readonly units: string;
  /** Daemons whose original is a part of a package that others need as it is: ours are then beside it. */
  readonly besideOriginal: ReadonlySet<string>;
  readonly zshCompletions: string;
  /** Of a package, by its name. */
  readonly documents: (packageName: string) => string;
}

/** Debian 12. Its libvirt has units in /lib, and dpkg-divert compares paths letter by letter. */
export const DEBIAN: Layout = {
  units: "/lib/systemd/system",
  besideOriginal: new Set(), // the original is diverted
  zshCompletions: "/usr/share/zsh/vendor-completions",
  documents: (packageName) => `/usr/share/doc/${packageName}`,
};

/**
 * Fedora, SUSE and their relatives. RPM has no diversions. To conflict with the originals will not do: libvirt's packages want
 * libvirt-daemon-lock, and everybody wants device-mapper, in exactly their version.
 */
export const RPM: Layout = {
  units: "/usr/lib/systemd/system",
  besideOriginal: new Set(["virtlockd", "dmfilemapd"]),
  zshCompletions: "/usr/share/zsh/site-functions",
  documents: (packageName) => `/usr/share/doc/${packageName}`,
};

/** The archive, for any system with systemd. */
export const ARCHIVE: Layout = {
  ...RPM,
  besideOriginal: new Set(),
  documents: () => "/usr/share/doc/hostkeep",
};

/** The folder of a daemon's executable. */
export function programFolder({ besideOriginal }: Layout, daemon: string): string {
  return besideOriginal.has(daemon) ? "/usr/libexec/hostkeep" : PROGRAM_FOLDER;
}
