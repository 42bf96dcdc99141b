/** Texts that a kernel of the known grammar could print, made at random, with what should be read from them. */
import fc from "fast-check";

export interface PrintedMdstat {
  readonly text: string;
  /** One line for each array, in the form that the test prints. */
  readonly arrays: readonly string[];
}

interface Printed {
  readonly text: string;
  readonly shown: string;
}

const device = fc.oneof(
  fc.nat(99).map((n) => `dm-${n}`),
  fc.constantFrom("sda", "sdb1", "nvme0n1p2", "loop10p1", "cciss/c0d0"),
);
/** F hides S and R, as status() prints them. */
const flags = fc.constantFrom("", "F", "S", "W", "WF", "WS", "J", "R", "JF");
const member = fc.record({ device, number: fc.nat(1_920), flags }).map((
  { device, number, flags },
) => ({
  text: ` ${device}[${number}]${[...flags].map((flag) => `(${flag})`).join("")}`,
  shown: `${device}:${number}${flags}`,
}));

const metadata = fc.constantFrom(
  "0.90",
  "1.0",
  "1.1",
  "1.2",
  "non-persistent",
  "external:/md127/0",
);
const slots = fc.array(fc.constantFrom("U", "_"), { minLength: 1, maxLength: 6 }).map((
  letters,
) => ({
  total: letters.length,
  working: letters.filter((letter) => letter === "U").length,
  map: letters.join(""),
}));
const middle = fc.constantFrom(
  "",
  " 512K chunks 2 near-copies",
  " level 5, 512k chunk, algorithm 2",
);

const sync = fc.oneof(
  fc.constant({ text: "", shown: "-" }),
  fc.constantFrom("resync=DELAYED", "resync=PENDING", "recover=REMOTE").map((word) => ({
    text: `\t${word}\n      `,
    shown: word,
  })),
  fc.record({
    action: fc.constantFrom("resync", "recovery", "check", "reshape"),
    tenths: fc.nat(1_000),
  }).map(({ action, tenths }) => {
    const percent = `${Math.floor(tenths / 10)}.${tenths % 10}`;
    const bar = "=".repeat(tenths / 50) + ">" + ".".repeat(20 - tenths / 50);
    return {
      text: `[${bar}]  ${action} =${percent.padStart(5)}% (1/2) finish=0.2min speed=9K/sec\n      `,
      shown: `${action}=${tenths / 10}`,
    };
  }),
);

const bitmap = fc.option(
  fc.constantFrom("1/1 pages [4KB], 65536KB chunk", "0/9 pages [0KB], 4KB chunk, file: /b"),
  {
    nil: undefined,
  },
);

const array: fc.Arbitrary<Printed> = fc.record({
  name: fc.oneof(fc.nat(200).map((n) => `md${n}`), fc.constantFrom("md_data", "md_d3")),
  access: fc.constantFrom("", " (read-only)", " (auto-read-only)"),
  personality: fc.constantFrom("multipath", "raid1", "raid10", "raid5"),
  members: fc.array(member, { minLength: 1, maxLength: 5 }),
  kib: fc.nat(0x7fff_ffff),
  metadata,
  middle,
  slots,
  sync,
  bitmap,
}).map((it) => {
  const version = it.metadata === "0.90" ? "" : ` super ${it.metadata}`;
  const { total, working, map } = it.slots;
  const bitmapLine = it.bitmap === undefined ? "" : `bitmap: ${it.bitmap}\n`;
  return {
    text: `${it.name} : active${it.access} ${it.personality}${
      it.members.map(({ text }) => text).join("")
    }\n` +
      `      ${it.kib} blocks${version}${it.middle} [${total}/${working}] [${map}]\n` +
      `      ${it.sync.text}${bitmapLine}\n`,
    shown: [
      ...[it.name, "active", it.access.replace(/[ ()]/g, "") || "read-write", it.personality],
      it.members.map(({ shown }) =>
        shown
      ).join(","),
      ...[it.kib, it.metadata, `${total}/${working}/${map}`, it.sync.shown, it.bitmap ?? "-"],
    ].join(" "),
  };
});

export const mdstatText: fc.Arbitrary<PrintedMdstat> = fc.array(array, { maxLength: 6 }).map(
  (arrays) => ({
    text: "Personalities : [multipath] [raid1] \n" + arrays.map(({ text }) => text).join("") +
      "unused devices: <none>\n",
    arrays: arrays.map(({ shown }) => shown),
  }),
);
