/** Exit codes by their names in sysexits.h, and the error that carries one to the end of the program. */

export const EX_OK = 0;
/** The command line is wrong. */
export const EX_USAGE = 64;
/** Input data are wrong, such as the file that `--check-config` was given. */
export const EX_DATAERR = 65;
/** An input file is missing or not readable. */
export const EX_NOINPUT = 66;
/** A service is not there, such as the daemon that a subcommand asks. */
export const EX_UNAVAILABLE = 69;
/** An internal check failed. */
export const EX_SOFTWARE = 70;
/** The operating system refused something a program may expect. */
export const EX_OSERR = 71;
/** A system file is missing or wrong. */
export const EX_OSFILE = 72;
/** An output file cannot be made. */
export const EX_CANTCREAT = 73;
export const EX_IOERR = 74;
/** Try again later. */
export const EX_TEMPFAIL = 75;
/** The other side did not keep to the protocol. */
export const EX_PROTOCOL = 76;
export const EX_NOPERM = 77;
export const EX_CONFIG = 78;

/** Ends the program with `code`; the message is for standard error, "" when all has been said. */
export class ExitError extends Error {
  override name = "ExitError";
  constructor(readonly code: number, message = "", options?: ErrorOptions) {
    super(message, options);
  }
}

/** What there is to say of an error: the message of one that is meant for people, and where any other comes from. */
export function errorText(error: unknown): string {
  if (error instanceof ExitError) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
