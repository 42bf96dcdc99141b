/** Descriptions of XDR data that read and write it both: the notation of admin_protocol.ts. */
import type { ByteString } from "../../src/wire/bytes.ts";
import { STRING_MAX_BYTES } from "../../src/wire/rpc.ts";
import { XdrError, type XdrReader, type XdrWriter } from "../../src/wire/xdr.ts";

// One object each: a stack would cost more than the message.
const stringTooLong = new XdrError("string too long");
const tooManyItems = new XdrError("too many items");

export interface Codec<T> {
  /** Throws XdrError for data that ends early or breaks a limit. */
  decode(reader: XdrReader): T;
  /** Throws XdrError for a value that breaks a limit. */
  encode(writer: XdrWriter, value: T): void;
}

export const int: Codec<number> = {
  decode: (reader) => reader.int(),
  encode: (writer, value) => writer.int(value),
};

export const uint: Codec<number> = {
  decode: (reader) => reader.uint(),
  encode: (writer, value) => writer.uint(value),
};

export const hyper: Codec<bigint> = {
  decode: (reader) => reader.hyper(),
  encode: (writer, value) => writer.hyper(value),
};

export const uhyper: Codec<bigint> = {
  decode: (reader) => reader.uhyper(),
  encode: (writer, value) => writer.uhyper(value),
};

export const double: Codec<number> = {
  decode: (reader) => reader.double(),
  encode: (writer, value) => writer.double(value),
};

export const string: Codec<ByteString> = {
  decode: (reader) => reader.string(STRING_MAX_BYTES),
  encode: (writer, value) => {
    if (value.length > STRING_MAX_BYTES) throw stringTooLong;
    writer.string(value);
  },
};

export const optionalString: Codec<ByteString | undefined> = {
  decode: (reader) => reader.optionalString(STRING_MAX_BYTES),
  encode: (writer, value) => {
    if (value !== undefined && value.length > STRING_MAX_BYTES) {
      throw stringTooLong;
    }
    writer.optionalString(value);
  },
};

/** A procedure without arguments, or without results. */
export const nothing: Codec<void> = { decode: () => {}, encode: () => {} };

/** The fields one after the other, in the order in which they are written down. */
export function struct<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    decode: (reader) => {
      const value: Partial<T> = {};
      for (const name of names) value[name] = fields[name].decode(reader);
      return value as T;
    },
    encode: (writer, value) => {
      for (const name of names) fields[name].encode(writer, value[name]);
    },
  };
}

/** A variable array: the count, then the items. */
export function list<T>(item: Codec<T>, limit: number): Codec<readonly T[]> {
  return {
    decode: (reader) => {
      const items: T[] = [];
      for (let left = reader.count(limit); left > 0; left--) items.push(item.decode(reader));
      return items;
    },
    encode: (writer, items) => {
      if (items.length > limit) throw tooManyItems;
      writer.uint(items.length);
      for (const value of items) item.encode(writer, value);
    },
  };
}
