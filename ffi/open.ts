/** The only place that calls Deno.dlopen. */
import { candidatePaths } from "./libraries.ts";

/** Thrown when a library is in none of the places of ffi/libraries.ts, or lacks a symbol. */
export class LibraryError extends Error {
  override name = "LibraryError";
}

type Symbols<S extends Deno.ForeignLibraryInterface> = Deno.DynamicLibrary<S>["symbols"];

/** Opens a library at the first place that has it. Throws LibraryError naming what was tried. */
function openFirst<S extends Deno.ForeignLibraryInterface>(soname: string, symbols: S): Symbols<S> {
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

/**
 * The functions of a shared library, each bound when it is first used: binding compiles a trampoline, 0.1 ms a function, and a
 * program uses a third of what the tables list. Those named in `together` are bound in one go with the first of them, which
 * costs two thirds. Using one throws LibraryError when the library or the symbol is missing.
 */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  soname: string,
  symbols: S,
  together: readonly (keyof S & string)[] = [],
): Symbols<S> {
  const library: Record<string, unknown> = {};
  for (const name of Object.keys(symbols)) {
    const bind = (): unknown => {
      const names = together.includes(name) ? together : [name];
      const wanted = Object.fromEntries(names.map((name) => [name, symbols[name]]));
      for (const [name, value] of Object.entries(openFirst(soname, wanted))) {
        Object.defineProperty(library, name, { value });
      }
      return library[name];
    };
    Object.defineProperty(library, name, { get: bind, configurable: true, enumerable: true });
  }
  return library as Symbols<S>;
}
