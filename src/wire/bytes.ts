/**
 * Byte strings: names and paths as the kernel has them, any bytes but NUL, held in a JavaScript string whose every
 * character is one byte (U+0000–U+00FF). V8 keeps such a string in one byte a character, and it is an exact map key
 * whether or not the bytes are UTF-8.
 */
export type ByteString = string;

// A byte order mark is a part of the name like any other character.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();

/** How many characters String.fromCharCode takes in one call: enough for a path, few enough for the stack. */
const CHUNK = 1024;

/** The bytes [start, end) as a byte string. */
export function decodeBytes(bytes: Uint8Array, start: number, end: number): ByteString {
  let text = "";
  for (let at = start; at < end; at += CHUNK) {
    text += String.fromCharCode.apply(
      null,
      bytes.subarray(at, Math.min(at + CHUNK, end)) as unknown as number[],
    );
  }
  return text;
}

/** Writes a byte string at `offset` and returns the offset behind it. */
export function encodeBytes(text: ByteString, into: Uint8Array, offset: number): number {
  const length = text.length;
  for (let i = 0; i < length; i++) into[offset + i] = text.charCodeAt(i);
  return offset + length;
}

/** A new array with the bytes that the characters stand for. */
export function toBytes(text: ByteString): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  encodeBytes(text, bytes, 0);
  return bytes;
}

/** The byte string of ordinary text, in UTF-8. */
export function fromText(text: string): ByteString {
  const bytes = encoder.encode(text);
  return decodeBytes(bytes, 0, bytes.length);
}

/** Readable text; bytes that are not UTF-8 become U+FFFD. For people only. */
export function toText(text: ByteString): string {
  return utf8.decode(toBytes(text));
}

/** Exact text, or undefined where the bytes are not UTF-8. */
export function toTextExactly(text: ByteString): string | undefined {
  try {
    return strictUtf8.decode(toBytes(text));
  } catch {
    return undefined;
  }
}

/** Stands for byte 0 in reversible text; bytes from 0x80 on then are lone low surrogates, which no real text holds. */
const ESCAPED_BYTES = 0xdc00;

const BEYOND_ASCII = /[\x80-\xff]/;

/** Text that has every byte: where the bytes are not UTF-8, those from 0x80 on become U+DC80–U+DCFF (PEP 383). */
export function toReversibleText(text: ByteString): string {
  if (!BEYOND_ASCII.test(text)) return text;
  return toTextExactly(text) ??
    text.replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(ESCAPED_BYTES + byte.charCodeAt(0)));
}

/** The bytes of reversible text. */
export function fromReversibleText(text: string): ByteString {
  return text.replace(/[\udc80-\udcff]|[^\udc80-\udcff]+/gu, (part) => {
    const code = part.charCodeAt(0);
    const escaped = part.length === 1 && code > ESCAPED_BYTES && code <= ESCAPED_BYTES + 0xff;
    return escaped ? String.fromCharCode(code - ESCAPED_BYTES) : fromText(part);
  });
}
