/** `cmirrord table`: the table line of a mirror, on standard output. */
import { O_RDONLY } from "../../../ffi/file.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { strerror } from "../../../ffi/errno.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import { EX_OK, ExitError } from "../../../src/host/exit.ts";
import { STDERR, STDOUT, writeText } from "../../../src/host/standard.ts";
import { type Leg, type MirrorPlan, planProblems, tableLine } from "../table_line.ts";
import { openBlockDevice } from "./block_device.ts";
import { EXIT_FAILURE } from "./settings.ts";

const SECTOR_BYTES = 512;
const DEFAULT_REGION = "1024";

/** The size of a block device in bytes. Throws ExitError. */
function sizeOfDevice(text: string): number {
  const device = openBlockDevice(text, O_RDONLY);
  if (typeof device === "number") {
    throw new ExitError(EXIT_FAILURE, `cannot open "${text}": ${strerror(-device)}`);
  }
  closeDescriptor(device.fd);
  return device.sizeBytes;
}

/** `DEVICE` or `DEVICE@OFFSET`, in sectors. Throws ExitError. */
function legOf(text: string): Leg {
  const [, device, offset] = /^(.*?)(?:@(\d+))?$/.exec(text) ?? [];
  const offsetSectors = Number(offset ?? "0");
  const sizeSectors = Math.floor(sizeOfDevice(device) / SECTOR_BYTES) - offsetSectors;
  return { device, offsetSectors, sizeSectors };
}

/** A number of sectors. Throws ExitError. */
function sectors(name: string, text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new ExitError(EXIT_FAILURE, `--${name}: "${text}" is no number of sectors`);
}

function planFrom({ options, operands }: CommandLine): MirrorPlan {
  const text = (name: string, otherwise = ""): string => {
    const value = options.get(name);
    return typeof value === "string" ? value : otherwise;
  };
  const log = text("log");
  const length = text("length");
  return {
    uuid: text("uuid"),
    legs: operands.map(legOf),
    log: log === "" ? undefined : { device: log, sizeBytes: sizeOfDevice(log) },
    regionSectors: sectors("region", text("region", DEFAULT_REGION)),
    lengthSectors: length === "" ? undefined : sectors("length", length),
    sync: options.has("nosync") ? "nosync" : options.has("sync") ? "sync" : "default",
    handleErrors: !options.has("no-handle-errors"),
    integratedFlush: !options.has("no-integrated-flush"),
  };
}

/** Prints the line, or all that is wrong; the exit code. Throws ExitError. */
export function tableCommand(line: CommandLine): number {
  const plan = planFrom(line);
  const problems = planProblems(plan);
  for (const problem of problems) writeText(STDERR, `cmirrord: ${problem}\n`);
  if (problems.length > 0) return EXIT_FAILURE;
  writeText(STDOUT, `${tableLine(plan)}\n`);
  return EX_OK;
}
