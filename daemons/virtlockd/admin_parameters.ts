/** Which typed parameters a procedure takes, in the words and the order of libvirt's src/util/virtypedparam.c. */
import type { ByteString } from "../../src/wire/bytes.ts";
import type { RpcError } from "../../src/wire/rpc.ts";
import type { TypedParameter } from "./admin_protocol.ts";
import { argumentUnsupported, FROM_NONE, internalError, invalidArgument } from "./errors.ts";

/** VIR_TYPED_PARAM_FIELD_LENGTH counts the NUL. */
const FIELD_MAX_BYTES = 79;

/** The error of the first parameter whose name is too long (virTypedParamsDeserialize). */
export function oversizedParameter(parameters: readonly TypedParameter[]): RpcError | undefined {
  const oversized = parameters.find(({ field }) => field.length > FIELD_MAX_BYTES);
  return oversized &&
    internalError(FROM_NONE, `parameter ${oversized.field} too big for destination`);
}

/**
 * The error of the first parameter, by name, that is not among the known ones, not the first of its name, or not a uint
 * (virTypedParamsValidate).
 */
export function unacceptableParameter(
  parameters: readonly TypedParameter[],
  known: readonly ByteString[],
): RpcError | undefined {
  const sorted = [...parameters].sort(byField);
  for (const [index, { field, type }] of sorted.entries()) {
    if (!known.includes(field)) {
      return argumentUnsupported(FROM_NONE, `parameter '${field}' not supported`);
    }
    if (field === sorted[index - 1]?.field) {
      return invalidArgument(FROM_NONE, `parameter '${field}' occurs multiple times`);
    }
    if (type !== "uint") {
      const what = `invalid type '${type}' for parameter '${field}', expected 'uint'`;
      return invalidArgument(FROM_NONE, what);
    }
  }
  return undefined;
}

function byField(a: TypedParameter, b: TypedParameter): number {
  return a.field < b.field ? -1 : a.field > b.field ? 1 : 0;
}

/** The value of a parameter that was found acceptable, if it was given. */
export function uintParameter(
  parameters: readonly TypedParameter[],
  field: ByteString,
): number | undefined {
  return parameters.find((parameter) => parameter.field === field)?.value as number | undefined;
}
