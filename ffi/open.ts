/** The only place that calls Deno.dlopen. */
import { candidatePaths } from "./libraries.ts";

/** Thrown when a library is in none of the places of ffi/libraries.ts, or lacks a symbol. */
export class LibraryError extends Error {
  override name = "LibraryError";
}

/**
 * Opens a shared library by soname and binds the given symbols.
 * Throws LibraryError naming the library and what was tried.
 */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  soname: string,
  symbols: S,
): Deno.DynamicLibrary<S>["symbols"] {
  const failures: string[] = [];
  for (const path of candidatePaths(soname)) {
    try {
      return Deno.dlopen(path, symbols).symbols;
    } catch (error) {
      failures.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new LibraryError(
    `cannot open "${soname}": install the package that holds it (tried ${failures.join("; ")})`,
  );
}
