/**
 * Prints what our files claim about C on the architecture given as argument, or on its own, as JSON: path → claims. In a
 * process of its own, since the modules look at Deno.build.arch once, when they are loaded.
 */
import { libc } from "../../ffi/libc.ts";
import { claimsOf } from "./claims.ts";
import { HEADERS } from "./headers.ts";

// Bound now, while the C library is looked for in this machine's folders.
Object.values(libc);
const [arch = Deno.build.arch] = Deno.args;
Object.defineProperty(Deno, "build", { value: { ...Deno.build, arch } });
const claims = Object.keys(HEADERS).map(async (path) => [
  path,
  claimsOf(await import(new URL(`../../${path}`, import.meta.url).href)),
]);
console.log(JSON.stringify(Object.fromEntries(await Promise.all(claims))));
