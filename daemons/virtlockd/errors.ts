/**
 * The errors that clients are told, as libvirt 9.0.0 words them (include/libvirt/virterror.h, src/util/virerror.c):
 * code, domain, a text made from a format and a detail, and for some kinds two integers.
 */
import { type ByteString, fromText } from "../../src/wire/bytes.ts";
import type { RpcError } from "../../src/wire/rpc.ts";

// virErrorDomain
export const FROM_NONE = 0;
export const FROM_RPC = 7;
export const FROM_LOCKSPACE = 51;
export const FROM_ADMIN = 62;

// virErrorNumber
const INTERNAL_ERROR = 1;
const INVALID_ARG = 8;
const OPERATION_DENIED = 29;
const SYSTEM_ERROR = 38;
const RPC = 39;
const OPERATION_INVALID = 55;
const ARGUMENT_UNSUPPORTED = 74;
const RESOURCE_BUSY = 87;
const NO_SERVER = 95;
const NO_CLIENT = 96;

/** An error whose text is `prefix: detail`; virReportError gives −1 for both integers. */
function prefixed(code: number, domain: number, prefix: string, detail: ByteString): RpcError {
  return {
    code,
    domain,
    message: `${prefix}: ${detail}`,
    str1: `${prefix}: %s`,
    str2: detail,
    int1: -1,
    int2: -1,
  };
}

/** An error whose text is the detail alone. */
function plain(code: number, domain: number, detail: ByteString, int1: number): RpcError {
  return { code, domain, message: detail, str1: "%s", str2: detail, int1, int2: -1 };
}

export function internalError(domain: number, detail: ByteString): RpcError {
  return prefixed(INTERNAL_ERROR, domain, "internal error", detail);
}

export function invalidArgument(domain: number, detail: ByteString): RpcError {
  return prefixed(INVALID_ARG, domain, "invalid argument", detail);
}

/** virCheckFlags: only the bits that are not allowed are named. */
export function unsupportedFlags(domain: number, bits: number, functionName: string): RpcError {
  return {
    code: INVALID_ARG,
    domain,
    message: `unsupported flags (0x${bits.toString(16)}) in function ${functionName}`,
    str1: functionName,
    str2: "flags",
    int1: 0,
    int2: 0,
  };
}

export function operationDenied(domain: number, detail: ByteString): RpcError {
  return prefixed(OPERATION_DENIED, domain, "operation forbidden", detail);
}

export function operationInvalid(domain: number, detail: ByteString): RpcError {
  return prefixed(OPERATION_INVALID, domain, "Requested operation is not valid", detail);
}

export function resourceBusy(domain: number, detail: ByteString): RpcError {
  return prefixed(RESOURCE_BUSY, domain, "resource busy", detail);
}

/** A failed system call: `what: reason`, with the error number as the first integer. */
export function systemError(
  domain: number,
  errno: number,
  what: ByteString,
  reason: string,
): RpcError {
  return plain(SYSTEM_ERROR, domain, `${what}: ${fromText(reason)}`, errno);
}

export function rpcError(detail: ByteString): RpcError {
  return plain(RPC, FROM_RPC, detail, -1);
}

export function argumentUnsupported(domain: number, detail: ByteString): RpcError {
  return prefixed(ARGUMENT_UNSUPPORTED, domain, "argument unsupported", detail);
}

export function noServer(domain: number, detail: ByteString): RpcError {
  return prefixed(NO_SERVER, domain, "Server not found", detail);
}

export function noClient(domain: number, detail: ByteString): RpcError {
  return prefixed(NO_CLIENT, domain, "Client not found", detail);
}

// The errors that every program of the RPC layer can give (src/rpc/virnetserverprogram.c), with its %d, %d, %u and %d.
export function unknownProgram(program: number, version: number): RpcError {
  return rpcError(`Cannot find program ${program | 0} version ${version | 0}`);
}

export function unexpectedStatus(status: number): RpcError {
  return rpcError(`Unexpected message status ${status >>> 0}`);
}

export function unknownProcedure(procedure: number): RpcError {
  return rpcError(`unknown procedure: ${procedure}`);
}

export const UNDECODABLE: RpcError = rpcError("Unable to decode message payload");
export const UNENCODABLE: RpcError = rpcError("Unable to encode message payload");
