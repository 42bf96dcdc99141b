/** The state in the words of the original, for SIGUSR1. */
import type { Bitmap } from "../bitmap.ts";
import { packedBytes } from "../bitmap.ts";
import type { Mirror, Phase } from "../mirror.ts";
import { REQUESTS } from "../ulog.ts";
import { shortName, uuidOf } from "./notices.ts";

const ROW_BYTES = 16;
const STATES: Readonly<Record<Phase, string>> = {
  pending: "INVALID",
  joining: "INVALID",
  invalid: "INVALID",
  loading: "INVALID",
  valid: "VALID",
  leaving: "LEAVING",
};

function pad(value: number, width: number): string {
  return String(value).padStart(width);
}

/** `[ 0 -  15]` and so many bytes in hexadecimal. */
function rows({ bytes, bits }: Bitmap): string[] {
  const used = bytes.subarray(0, packedBytes(bits));
  return Array.from({ length: Math.ceil(used.length / ROW_BYTES) }, (_, row) => {
    const from = row * ROW_BYTES;
    const part = used.subarray(from, from + ROW_BYTES);
    const hex = Array.from(part, (byte) => ` ${byte.toString(16).toUpperCase().padStart(2, "0")}`);
    return `[${pad(from, 3)} - ${pad(from + part.length - 1, 3)}]${hex.join("")}`;
  });
}

function bitmaps({ log }: Mirror): string[] {
  return ["sync_bits:", ...rows(log.sync), "clean_bits:", ...rows(log.clean)];
}

function resumedLines(mirror: Mirror): string[] {
  const { log } = mirror;
  const { region, recoverer, halted } = log.recovery;
  return [
    uuidOf(mirror),
    `  recoverer        : ${recoverer}`,
    `  recovering_region: ${region < 0 ? "18446744073709551615" : region}`,
    `  recovery_halted  : ${halted ? "YES" : "NO"}`,
    ...bitmaps(mirror),
    `Validating ${shortName(mirror)}::`,
    `  lc->region_count = ${log.regionCount}`,
    `  lc->sync_count = ${log.sync.count}`,
    `  next zero bit  = ${log.sync.nextClear(0)}`,
    "Resync request history:",
  ];
}

function typeName(type: number): string {
  return `DM_ULOG_${REQUESTS[type]?.name ?? type}`;
}

function groupLines(mirror: Mirror): string[] {
  const { phase, lowest, handle, destroyed, delay, resend, owed, ready, working, startup } = mirror;
  const entry = ({ request }: Mirror["working"][number]): string =>
    `  ${typeName(request.type)}/${request.seq}`;
  return [
    `${shortName(mirror)}::`,
    `  lowest_id         : ${lowest}`,
    `  state             : ${STATES[phase]}`,
    `  cpg_state         : ${handle < 0 ? 0 : 1}`,
    `  free_me           : ${destroyed ? 1 : 0}`,
    `  delay             : ${delay}`,
    `  resend_requests   : ${resend ? 1 : 0}`,
    `  checkpoints_needed: ${owed.length}`,
    `  CKPTs waiting     : ${ready.length}`,
    "  Working list:",
    ...working.map(entry),
    "  Startup list:",
    ...startup.map((one) => one.kind === "request" ? entry(one) : `  ${one.kind}/${one.node}`),
    "Command History:",
  ];
}

/** One log message for each line. */
export function stateLines(mirrors: readonly Mirror[]): string[] {
  const isResumed = ({ log }: Mirror): boolean => log.resumed;
  return [
    "",
    "LOG COMPONENT DEBUGGING::",
    "Official log list:",
    "Pending log list:",
    ...mirrors.filter((mirror) => !isResumed(mirror))
      .flatMap((mirror) => [uuidOf(mirror), ...bitmaps(mirror)]),
    ...mirrors.filter(isResumed).flatMap(resumedLines),
    "",
    "CLUSTER COMPONENT DEBUGGING::",
    ...mirrors.filter(({ handle }) => handle >= 0).flatMap(groupLines),
  ];
}
