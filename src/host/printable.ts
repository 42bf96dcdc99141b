/** Text from outside made fit for a line of a log or a table. */

// deno-lint-ignore no-control-regex -- they are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Control characters become `\x0a`, so that what a client sends can neither begin a line nor move a terminal's cursor. */
export function printable(text: string): string {
  return text.replace(
    CONTROL,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
