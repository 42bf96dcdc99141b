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
 * Deno compiles a trampoline for each function that it binds, unless a structure is passed by value (is_compatible in its
 * ext/ffi/turbocall.rs). That takes 0.06 to 0.18 ms, and makes a call 0.3 µs shorter once V8 has optimised its caller. So functions
 * are bound with this as one argument more, which C does not look at; see compileCalls() for the others.
 */
const UNCOMPILED = { struct: ["u8"] } as const;
const UNCOMPILED_VALUE = new Uint8Array(1);

type Call = (...args: unknown[]) => unknown;

/** Binds functions without compiling anything. */
function openUncompiled(
  soname: string,
  symbols: Record<string, Deno.ForeignFunction>,
): Record<string, Call> {
  const wanted = Object.entries(symbols).map(([name, symbol]) => {
    const parameters = [...symbol.parameters, UNCOMPILED];
    return [name, { ...symbol, parameters }] as const;
  });
  const bound = Object.entries(openFirst(soname, Object.fromEntries(wanted))) as [string, Call][];
  return Object.fromEntries(bound.map(([name, call]) => {
    return [name, (...args: unknown[]) => call(...args, UNCOMPILED_VALUE)];
  }));
}

let isCompiling = false;

/**
 * For a daemon that serves many messages: from now on, functions that are called often are compiled when they are first used. Before
 * anything else, since V8 takes the short way only from callers that have never called another function in the same place.
 */
export function compileCalls(): void {
  isCompiling = true;
}

/** Names of functions of a library that are treated alike. */
export interface Binding<Name extends string> {
  /** Bound in one go with the first of them: 0.02 ms each then, instead of 0.06. */
  readonly together?: readonly Name[];
  /** Called for every message. */
  readonly often?: readonly Name[];
}

/**
 * The functions of a shared library, each bound when it is first used, since a program uses a third of what the tables list. Using
 * one throws LibraryError when the library or the symbol is missing.
 */
export function openLibrary<const S extends Record<string, Deno.ForeignFunction>>(
  soname: string,
  symbols: S,
  { together = [], often = [] }: Binding<keyof S & string> = {},
): Symbols<S> {
  const library: Record<string, Call> = {};
  const uncompiled: Record<string, Call> = {};
  const bindUncompiled = (name: string): Call => {
    const names = together.includes(name) ? together : [name];
    const wanted = Object.fromEntries(names.map((name) => [name, symbols[name]]));
    return Object.assign(uncompiled, openUncompiled(soname, wanted))[name];
  };
  for (const name of Object.keys(symbols)) {
    const isOften = often.includes(name);
    const bind = (): Call => {
      const compiled = isOften && isCompiling
        ? openFirst(soname, { [name]: symbols[name] })[name] as Call
        : undefined;
      const value = compiled ?? uncompiled[name] ?? bindUncompiled(name);
      if (compiled !== undefined || !isOften) Object.defineProperty(library, name, { value });
      return value;
    };
    Object.defineProperty(library, name, { get: bind, configurable: true, enumerable: true });
  }
  return library as Symbols<S>;
}
