/**
 * Where shared libraries live. With a scoped `--allow-ffi=PATH,…` dlopen takes absolute paths only, so each library
 * is looked for in this short list, which the build also puts into the permission flags.
 */

/**
 * The absolute paths at which a library may be found, in the order they are tried: Debian multiarch, then the lib64 of
 * Fedora and SUSE, then plain ones. `arch` differs from this machine's in a cross build only.
 */
export function candidatePaths(soname: string, arch: string = Deno.build.arch): string[] {
  return [
    `/lib/${arch}-linux-gnu/${soname}`,
    `/usr/lib/${arch}-linux-gnu/${soname}`,
    `/lib64/${soname}`,
    `/usr/lib64/${soname}`,
    `/lib/${soname}`,
    `/usr/lib/${soname}`,
  ];
}
