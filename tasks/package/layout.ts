/** Where the systems that we package for want the files. */

/** The folders in which systems differ. */
export interface Layout {
  readonly units: string;
  readonly zshCompletions: string;
  /** Of a package, by its name. */
  readonly documents: (packageName: string) => string;
}

/** Debian 12. Its libvirt has units in /lib, and dpkg-divert compares paths letter by letter. */
export const DEBIAN: Layout = {
  units: "/lib/systemd/system",
  zshCompletions: "/usr/share/zsh/vendor-completions",
  documents: (packageName) => `/usr/share/doc/${packageName}`,
};

/** Fedora, SUSE and their relatives. */
export const RPM: Layout = {
  units: "/usr/lib/systemd/system",
  zshCompletions: "/usr/share/zsh/site-functions",
  documents: (packageName) => `/usr/share/doc/${packageName}`,
};

/** The archive, for any system with systemd. */
export const ARCHIVE: Layout = { ...RPM, documents: () => "/usr/share/doc/hostkeep" };
