/**
 * What the daemon and its script runner say to each other: JSON, one object in each message of a sequenced-packet socket. Pure.
 *
 * Down: Settings once, then any number of Run, each behind the Done of the one before, and Reopen. Up: for each Run, Started and Ended
 * for each of its scripts, in the order they run, then Done; a Note at any time.
 */
import * as v from "valibot";
import { MESSAGE_MAX_BYTES } from "./limits.ts";
import { REASONS } from "./notification.ts";

const text = v.string();
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Paths and names as reversible text (src/wire/bytes.ts). */
const path = v.string();

const settings = v.object({
  type: v.literal("settings"),
  /** The directory of the scripts. */
  directory: path,
  /** Whether it has a subdirectory for each kind of notification. */
  eventDirectories: v.boolean(),
  /** Programs one of which, where it exists, is run instead: the original's cman_notify. */
  substitutes: v.array(path),
  /** Locked while scripts run: the same for all runners whose scripts must not overlap. */
  lockFile: path,
  /** Where starts and ends of scripts are noted, and in debug mode what they print. */
  logFile: path,
  debug: v.boolean(),
  /** 0: a script may run for ever. */
  timeoutMs: count,
  realtime: v.boolean(),
  protectFromOom: v.boolean(),
});

const run = v.object({
  type: v.literal("run"),
  sequence: count,
  reason: v.picklist(REASONS),
  environment: v.array(v.tuple([text, text])),
  /** For the scripts' standard input; null: they have the daemon's. */
  input: v.nullable(text),
});

const down = v.variant("type", [settings, run]);

const started = v.object({ type: v.literal("started"), sequence: count, script: path, pid: count });
const ended = v.object({
  type: v.literal("ended"),
  sequence: count,
  script: path,
  /** `exit 0`, `signal 9`, or why it could not be started. */
  how: text,
  ranMs: count,
  /** It was told to end because its time was up. */
  timedOut: v.boolean(),
});
const done = v.object({ type: v.literal("done"), sequence: count, scripts: count });
const note = v.object({ type: v.literal("note"), level: v.picklist(["info", "warn"]), text });

const up = v.variant("type", [started, ended, done, note]);

export type RunnerSettings = v.InferOutput<typeof settings>;
export type RunRequest = v.InferOutput<typeof run>;
export type Down = v.InferOutput<typeof down>;
export type Up = v.InferOutput<typeof up>;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

function bytesOf(message: Down | Up): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(message));
}

/** The bytes of a message. Throws RangeError for one that is too long. */
export function encodeMessage(message: Down | Up): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(message);
  if (bytes.length > MESSAGE_MAX_BYTES) {
    throw new RangeError(`message of ${bytes.length} bytes, over ${MESSAGE_MAX_BYTES}`);
  }
  return bytes;
}

/** The same of a Run, which goes with an empty input where it is too long with its own: the variables are whole then. */
export function encodeRun(
  request: RunRequest,
): { bytes: Uint8Array<ArrayBuffer>; hasInput: boolean } {
  const bytes = bytesOf(request);
  const hasInput = request.input === null || bytes.length <= MESSAGE_MAX_BYTES;
  return { bytes: hasInput ? bytes : encodeMessage({ ...request, input: "" }), hasInput };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

/** A message from the daemon, or undefined for anything else. */
export function decodeDown(bytes: Uint8Array): Down | undefined {
  const result = v.safeParse(down, parse(bytes));
  return result.success ? result.output : undefined;
}

/** A message from the runner, or undefined for anything else. */
export function decodeUp(bytes: Uint8Array): Up | undefined {
  const result = v.safeParse(up, parse(bytes));
  return result.success ? result.output : undefined;
}
