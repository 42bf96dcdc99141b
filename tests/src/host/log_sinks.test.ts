import "../../bind_libc.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Errno } from "../../../ffi/errno.ts";
import { FileSink } from "../../../src/host/log_file.ts";
import { JournalEncoder, JournalSink } from "../../../src/host/log_journal.ts";
import { formatLine } from "../../../src/host/log_line.ts";
import { formatSyslog, SyslogSink, syslogTime } from "../../../src/host/log_syslog.ts";
import type { LogEntry, LogPriority } from "../../../src/host/log_types.ts";
import { DatagramServer } from "./datagrams.ts";

const TIME_MS = Date.UTC(2024, 2, 1, 12, 0, 0, 123);

function entry(change: Partial<LogEntry> = {}): LogEntry {
  const fields = new Map<string, string>();
  return { timeMs: TIME_MS, priority: 3, category: "locking.x", text: "hello", fields, ...change };
}

Deno.test("formatLine is libvirt's line with the category", () => {
  assertEquals(
    formatLine(entry(), 42),
    "2024-03-01 12:00:00.123+0000: 42: warning : locking.x : hello\n",
  );
  assertEquals(
    formatLine(entry({ priority: 2, category: "", text: "hostname: a" }), 42),
    "2024-03-01 12:00:00.123+0000: 42: info : hostname: a\n",
  );
});

Deno.test("formatLine keeps any text on one line of bounded length", () => {
  assertEquals(
    formatLine(entry({ text: "a\nb\x1b[31m\x9bc" }), 1).endsWith("a\\x0ab\\x1b[31m\\x9bc\n"),
    true,
  );
  fc.assert(
    fc.property(
      fc.string({ unit: fc.nat(0x2ff).map((code) => String.fromCharCode(code)) }),
      (text) => {
        const line = formatLine(entry({ text }), 1);
        assertEquals(line.indexOf("\n"), line.length - 1);
      },
    ),
    { seed: 20_240_309 },
  );
  assert(formatLine(entry({ text: "x".repeat(1e6) }), 1).length < 20_000);
});

/** Reads the journal's native protocol as systemd describes it. */
function decodeJournal(bytes: Uint8Array<ArrayBuffer> | undefined): Map<string, string> {
  if (bytes === undefined) throw new Error("no datagram came");
  const decoder = new TextDecoder();
  const fields = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0x0a, at);
    const line = decoder.decode(bytes.subarray(at, end));
    const equals = line.indexOf("=");
    at = end + 1;
    if (equals >= 0) {
      fields.set(line.slice(0, equals), line.slice(equals + 1));
      continue;
    }
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true));
    fields.set(line, decoder.decode(bytes.subarray(at + 8, at + 8 + length)));
    assertEquals(bytes[at + 8 + length], 0x0a);
    at += 8 + length + 1;
  }
  return fields;
}

Deno.test("JournalSink sends one datagram with the fields of a message", () => {
  using server = new DatagramServer();
  const sink = new JournalSink("virtlockd", server.path);
  const fields = new Map([["RESOURCE", "/a=b"], ["OWNER_PID", "7"]]);
  assert(sink.write(entry({ text: "two\nlines", priority: 4, fields })));
  sink.close();
  assertEquals(
    decodeJournal(server.next()),
    new Map([
      ["MESSAGE", "two\nlines"],
      ["PRIORITY", "3"],
      ["SYSLOG_IDENTIFIER", "virtlockd"],
      ["SYSLOG_PID", String(Deno.pid)],
      ["LOGGER", "locking.x"],
      ["RESOURCE", "/a=b"],
      ["OWNER_PID", "7"],
    ]),
  );
  assertEquals(server.next(), undefined);
});

Deno.test("JournalEncoder encodes any values so that they are read back", () => {
  const encoder = new JournalEncoder("x", 1);
  const name = fc.stringMatching(/^F[A-Z0-9_]{0,8}$/);
  const value = fc.string({ unit: "grapheme" });
  const fields = fc.uniqueArray(fc.tuple(name, value), { selector: ([n]) => n, maxLength: 8 });
  fc.assert(
    fc.property(value, fields, (text, list) => {
      const fields = decodeJournal(encoder.encode(entry({ text, fields: new Map(list) })).slice());
      assertEquals(fields.get("MESSAGE"), text);
      for (const [name, value] of list) assertEquals(fields.get(name), value);
    }),
    { seed: 20_240_310, numRuns: 1_000 },
  );
});

Deno.test("JournalSink cuts what is too long for a datagram, at a character's end", () => {
  using server = new DatagramServer();
  const sink = new JournalSink("x", server.path);
  const long = "ü".repeat(100_000);
  const fields = new Map(Array.from({ length: 20 }, (_, i) => [`FIELD_${i}`, long]));
  assert(sink.write(entry({ text: "x" + long, fields })));
  sink.close();
  const read = decodeJournal(server.next());
  assertEquals(read.get("MESSAGE"), "x" + "ü".repeat(4_095));
  assertEquals([...read.keys()].filter((name) => name.startsWith("FIELD_")).length, 8);
});

Deno.test("JournalSink drops messages without waiting while nobody reads, and goes on afterwards", () => {
  using server = new DatagramServer();
  const sink = new JournalSink("x", server.path);
  let sent = 0;
  while (sent < 100_000 && sink.write(entry())) sent++;
  assert(sent > 0 && sent < 100_000, `${sent} messages sent`);
  assertEquals(sink.write(entry()), false);
  while (server.next() !== undefined);
  assertEquals(sink.write(entry({ text: "again" })), true);
  sink.close();
  assertEquals(decodeJournal(server.next()).get("MESSAGE"), "again");
});

Deno.test("JournalSink drops messages while there is no journal", () => {
  const sink = new JournalSink("x", "/nowhere/socket");
  assertEquals(sink.write(entry()), false);
  sink.close();
});

Deno.test("SyslogSink sends glibc's format in local time", () => {
  using server = new DatagramServer();
  const sink = new SyslogSink("ident", server.path);
  assert(sink.write(entry({ text: "a\nb" })));
  sink.close();
  const text = new TextDecoder().decode(server.next());
  assertEquals(text, `<28>${syslogTime(TIME_MS)} ident[${Deno.pid}]: a\\x0ab`);
  assertEquals(syslogTime(new Date(2024, 2, 1, 2, 3, 4).getTime()), "Mar  1 02:03:04");
});

Deno.test("formatSyslog has libvirt's priorities in the daemon facility", () => {
  const priority = (priority: LogPriority): string =>
    formatSyslog(entry({ priority }), "x", 1).slice(0, 4);
  assertEquals(([1, 2, 3, 4] as const).map(priority), ["<31>", "<30>", "<28>", "<27>"]);
});

Deno.test("FileSink appends to a file of the user's own and begins a new one after a rotation", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/x.log`;
  Deno.writeTextFileSync(path, "before\n", { mode: 0o640 });
  const sink = new FileSink(path);
  assert(sink.write(entry({ text: "one" })));
  Deno.renameSync(path, `${path}.1`);
  assert(sink.write(entry({ text: "two" })));
  sink.reopen();
  assert(sink.write(entry({ text: "three" })));
  sink.close();
  const texts = (file: string): string[] =>
    Deno.readTextFileSync(file).trim().split("\n").map((line) => line.split(" : ").at(-1) ?? "");
  assertEquals(texts(`${path}.1`), ["before", "one", "two"]);
  assertEquals(texts(path), ["three"]);
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("FileSink drops messages on a full disk and throws Errno only at the start", () => {
  const sink = new FileSink("/dev/full");
  assertEquals(sink.write(entry()), false);
  sink.close();
  const error = assertThrows(() => new FileSink("/nowhere/x"), Errno);
  assertEquals(error.message, 'open "/nowhere/x": No such file or directory');
});
