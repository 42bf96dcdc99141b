/** The admin program: a call in, a complete reply frame out. Pure but for what is asked of the target. */
import {
  beginFrame,
  encodeError,
  endFrame,
  ERROR,
  type Header,
  OK,
  REPLY,
  type RpcError,
  STRING_MAX_BYTES,
} from "../../src/wire/rpc.ts";
import { XdrError, type XdrReader, type XdrWriter } from "../../src/wire/xdr.ts";
import { type AdminAnswer, type Call, Refusal } from "./admin_call.ts";
import { ENTRIES, type Entry } from "./admin_handlers.ts";
import type { AdminClient, AdminTarget } from "./admin_target.ts";
import { UNDECODABLE, UNENCODABLE, unknownProcedure } from "./errors.ts";

export type { AdminAnswer } from "./admin_call.ts";

/** By procedure number. */
const entries = new Map(ENTRIES.map((entry) => [entry.procedure.number, entry]));

/**
 * Answers a call of the admin program (of its version, and with status OK) whose payload the reader stands at. `caller` is
 * the client that makes it. Unless the answer is "close", the writer then holds the reply.
 */
export function answerAdmin(
  header: Header,
  reader: XdrReader,
  writer: XdrWriter,
  target: AdminTarget,
  caller: AdminClient,
): AdminAnswer {
  const call: Call = { target, caller, answer: "reply" };
  try {
    const { procedure, handle } = entryOf(header.procedure);
    const args = decodeArguments(procedure, reader);
    caller.madeCall = true;
    writeResult(writer, header, procedure, handle(call, args));
    return call.answer;
  } catch (error) {
    if (error instanceof Refusal) return writeRefusal(writer, header, error.reason);
    throw error;
  }
}

function entryOf(number: number): Entry {
  const entry = entries.get(number);
  if (entry === undefined) throw new Refusal(unknownProcedure(number));
  return entry;
}

function decodeArguments(procedure: Entry["procedure"], reader: XdrReader): unknown {
  try {
    return procedure.args.decode(reader);
  } catch (error) {
    if (error instanceof XdrError) throw new Refusal(UNDECODABLE);
    throw error;
  }
}

function writeResult(
  writer: XdrWriter,
  header: Header,
  procedure: Entry["procedure"],
  result: unknown,
): void {
  beginFrame(writer, header, REPLY, OK);
  try {
    procedure.result.encode(writer, result);
  } catch (error) {
    if (error instanceof XdrError) throw new Refusal(UNENCODABLE);
    throw error;
  }
  endFrame(writer);
}

/** An error whose text breaks the limit of strings cannot be sent; as the original does, the connection is closed. */
function writeRefusal(writer: XdrWriter, header: Header, reason: RpcError): AdminAnswer {
  if (reason.message.length > STRING_MAX_BYTES) return "close";
  beginFrame(writer, header, REPLY, ERROR);
  encodeError(writer, reason);
  endFrame(writer);
  return "reply";
}
