/** The stories of the admin corpus. */
import * as admin from "./admin_frames.ts";
import { ParameterType, uint } from "./admin_frames.ts";
import { loggingStories } from "./admin_corpus_logging.ts";
import { type AdminStory, story } from "./admin_story.ts";
import * as frames from "./client_frames.ts";

const { u32, hyper, xdrString } = frames;
const NOT_UTF8 = Uint8Array.of(0xff, 0xfe, 0x41);
const LONG = "n".repeat(2000);
const MAX_ID = 0xffff_ffff_ffff_ffffn;
/** VIR_TYPED_PARAM_FIELD_LENGTH is 80, with the NUL. */
const LONGEST_FIELD = "f".repeat(79);
const TOO_LONG_FIELD = "f".repeat(80);

/** One parameter of each type, under this name. */
function everyType(field: string): admin.Parameter[] {
  const { int, llong, ullong, double, boolean, string } = ParameterType;
  return [
    { field, type: int, value: u32(0xffffffff) },
    uint(field, 5),
    { field, type: llong, value: hyper(-5n) },
    { field, type: ullong, value: hyper(5n) },
    { field, type: double, value: frames.fromHex("4014000000000000") },
    { field, type: boolean, value: u32(1) },
    { field, type: string, value: xdrString("5") },
  ];
}

const connection = story("connection", (s) => {
  const a = s.admin("a");
  a.asks("GET_LIB_VERSION before CONNECT_OPEN", admin.version());
  a.asks("CONNECT_OPEN", admin.open());
  a.asks("CONNECT_OPEN once more", admin.open());
  a.asks("CONNECT_OPEN with flag 1", admin.open(1));
  a.asks("CONNECT_OPEN with all flags", admin.open(0xffffffff));
  a.asks("CONNECT_OPEN with bytes behind the arguments", admin.call(1, u32(0, 1, 2)));
  a.asks("GET_LIB_VERSION with a payload", admin.call(3, u32(1, 2, 3)));
  a.asks("CONNECT_CLOSE", admin.close()).isDropped();
  const b = s.admin("b");
  b.mumbles("CONNECT_CLOSE, and a call behind it", frames.concat(admin.close(), admin.version()));
  b.isDropped();
  s.admin("c").asks("CONNECT_CLOSE with a payload", admin.call(2, u32(1))).isDropped();
});

const procedures = story("procedures", (s) => {
  const a = s.admin("a");
  for (const procedure of [0, 20, 99, 0x7fffffff, 0x80000000, 0xffffffff]) {
    a.asks(`procedure ${procedure | 0}`, admin.call(procedure, u32(0)));
  }
  const withArguments = [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
  for (const procedure of withArguments) {
    a.asks(`procedure ${procedure} without arguments`, admin.call(procedure));
  }
  const short: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["LIST_SERVERS without flags", admin.call(4, u32(1))],
    ["LOOKUP_SERVER without flags", admin.call(5, xdrString("admin"))],
    ["LOOKUP_SERVER with half a name", admin.call(5, u32(8, 0x61646d69))],
    ["LOOKUP_SERVER with a length of −1", admin.call(5, u32(0xffffffff, 0, 0, 0))],
    ["LIST_CLIENTS without flags", admin.call(8, xdrString("admin"), u32(1))],
    ["LOOKUP_CLIENT with half an id", admin.call(9, xdrString("admin"), u32(0))],
    ["CLIENT_GET_INFO without flags", admin.call(10, xdrString("admin"), u32(0, 1, 0, 0, 0))],
    ["SET_LOGGING_OUTPUTS without flags", admin.call(16, u32(0))],
    ["SET_LOGGING_OUTPUTS with half a setting", admin.call(16, u32(1, 8, 0x333a7374))],
    ["SET_DAEMON_TIMEOUT without flags", admin.call(19, u32(5))],
    [
      "a frame that ends within a word",
      frames.concat(u32(30), admin.call(1, u32()).slice(4), new Uint8Array(2)),
    ],
  ];
  for (const [title, bytes] of short) a.asks(title, bytes);
});

const servers = story("servers", (s) => {
  const a = s.admin("a");
  a.asks("LIST_SERVERS", admin.listServers());
  a.asks("LIST_SERVERS without results", admin.listServers(0));
  a.asks("LIST_SERVERS with need_results 2", admin.listServers(2));
  a.asks("LIST_SERVERS with flag 8", admin.listServers(1, 8));
  a.asks("LOOKUP_SERVER admin", admin.lookupServer("admin"));
  a.asks("LOOKUP_SERVER virtlockd with flags", admin.lookupServer("virtlockd", 0xffffffff));
  a.asks("LOOKUP_SERVER of another name", admin.lookupServer("libvirtd"));
  a.asks("LOOKUP_SERVER in capitals", admin.lookupServer("Admin"));
  a.asks("LOOKUP_SERVER of an empty name", admin.lookupServer(""));
  a.asks("LOOKUP_SERVER of a name with percent signs", admin.lookupServer("%s%n%1$s"));
  a.asks("LOOKUP_SERVER of a name that is not UTF-8", admin.lookupServer(NOT_UTF8));
  a.asks("LOOKUP_SERVER of a name with a line feed", admin.lookupServer("a\nb"));
  a.asks("LOOKUP_SERVER of a name with a NUL", admin.lookupServer("admin\0other"));
  a.asks("LOOKUP_SERVER of a long name", admin.lookupServer(LONG));
  const padded = frames.concat(xdrString("virtlockd", 0xaa), u32(0));
  a.asks("LOOKUP_SERVER with padding that is not zero", admin.call(5, padded));
  a.asks("UPDATE_TLS_FILES", admin.updateTls("virtlockd"));
  a.asks("UPDATE_TLS_FILES with a flag", admin.updateTls("admin", 1));
  a.asks("UPDATE_TLS_FILES of an unknown server, with a flag", admin.updateTls("x", 1));
});

const threadpool = story("threadpool", (s) => {
  const a = s.admin("a");
  const set = (
    title: string,
    parameters: admin.Parameter[],
    flags = 0,
    server = "virtlockd",
  ): void => {
    a.asks(`SET_THREADPOOL ${title}`, admin.setThreadpool(server, parameters, flags));
  };
  a.asks("GET_THREADPOOL admin", admin.getThreadpool("admin"));
  a.asks("GET_THREADPOOL virtlockd", admin.getThreadpool("virtlockd"));
  a.asks("GET_THREADPOOL of an unknown server, with a flag", admin.getThreadpool("x", 1));
  a.asks("GET_THREADPOOL with flags", admin.getThreadpool("admin", 0x80000001));
  set("without parameters", []);
  set("of an unknown server, with an unknown parameter", [uint("zz", 1)], 1, "x");
  set("with flags and an unknown parameter", [uint("zz", 1)], 2);
  set("with flags and a name that is too long", [uint(TOO_LONG_FIELD, 1)], 2);
  set("minWorkers 0", [uint("minWorkers", 0)]);
  set("minWorkers 1", [uint("minWorkers", 1)]);
  set("maxWorkers 0", [uint("maxWorkers", 0)]);
  set("maxWorkers 5", [uint("maxWorkers", 5)]);
  set("minWorkers 6, maxWorkers 5", [uint("minWorkers", 6), uint("maxWorkers", 5)]);
  set("minWorkers 5, maxWorkers 5", [uint("minWorkers", 5), uint("maxWorkers", 5)]);
  set("minWorkers 1, prioWorkers 2", [uint("minWorkers", 1), uint("prioWorkers", 2)]);
  a.asks("GET_THREADPOOL after what was refused", admin.getThreadpool("virtlockd"));
  set("prioWorkers 0", [uint("prioWorkers", 0)]);
  set("prioWorkers 2", [uint("prioWorkers", 2)]);
  a.asks("GET_THREADPOOL with prioWorkers", admin.getThreadpool("virtlockd"));
  a.asks("GET_THREADPOOL of the other server", admin.getThreadpool("admin"));
  set("prioWorkers 3, min and max 0", [
    uint("prioWorkers", 3),
    uint("maxWorkers", 0),
    uint("minWorkers", 0),
  ]);
  a.asks("GET_THREADPOOL with more prioWorkers", admin.getThreadpool("virtlockd"));
  set("nWorkers, which can be read only", [uint("nWorkers", 1)]);
  set("freeWorkers, which can be read only", [uint("freeWorkers", 1)]);
  for (const parameter of everyType("maxWorkers")) {
    if (parameter.type !== ParameterType.uint) set(`of type ${parameter.type}`, [parameter]);
  }
  set("twice the same", [uint("prioWorkers", 3), uint("prioWorkers", 3)]);
});

const limits = story("limits", (s) => {
  const a = s.admin("a");
  const set = (
    title: string,
    parameters: admin.Parameter[],
    flags = 0,
    server = "virtlockd",
  ): void => {
    a.asks(`SET_CLIENT_LIMITS ${title}`, admin.setLimits(server, parameters, flags));
  };
  const [max, unauth] = ["nclients_max", "nclients_unauth_max"];
  const wrong = everyType(max)[0];
  a.asks("GET_CLIENT_LIMITS admin", admin.getLimits("admin"));
  a.asks("GET_CLIENT_LIMITS virtlockd", admin.getLimits("virtlockd"));
  a.asks("GET_CLIENT_LIMITS with a flag", admin.getLimits("virtlockd", 4));
  a.asks("GET_CLIENT_LIMITS of an unknown server, with a flag", admin.getLimits("x", 4));
  set("without parameters", []);
  set("max 2000", [uint(max, 2000)]);
  set("max below unauth max", [uint(max, 1023)]);
  set("unauth max above max", [uint(unauth, 2001)]);
  set("both, in the other order", [uint(unauth, 60), uint(max, 60)]);
  a.asks("GET_CLIENT_LIMITS after it", admin.getLimits("virtlockd"));
  set("both, max below unauth max", [uint(max, 50), uint(unauth, 51)]);
  set("unauth max 0", [uint(unauth, 0)]);
  set("max 0", [uint(max, 0)]);
  a.asks("GET_CLIENT_LIMITS after zeros", admin.getLimits("virtlockd"));
  set("the largest", [uint(max, 0xffffffff), uint(unauth, 0xffffffff)]);
  a.asks("GET_CLIENT_LIMITS after the largest", admin.getLimits("virtlockd"));
  s.lock("l");
  a.asks("GET_CLIENT_LIMITS with a client", admin.getLimits("virtlockd"));
  for (const parameter of everyType(max)) set(`max of type ${parameter.type}`, [parameter]);
  set("twice the same", [uint(max, 9), uint(max, 9)]);
  set("twice, the second of another type", [uint(max, 9), wrong]);
  set("twice, the first of another type", [wrong, uint(max, 9)]);
  set("an unknown one", [uint("zz", 1)]);
  set("an unknown one and a bad type", [uint("zz", 1), wrong]);
  set("an unknown one that sorts first, and a bad type", [wrong, uint("aa", 1)]);
  set("an unknown one between the known", [uint("nclients_n", 1), uint(unauth, 1), uint(max, 1)]);
  set("nclients, which can be read only", [uint("nclients", 1)]);
  set("two unknown", [uint("zz", 1), uint("yy", 1)]);
  set("an empty name", [uint("", 1)]);
  set("a name that is not UTF-8", [uint(NOT_UTF8, 1)]);
  set("a name with a NUL", [uint(`${max}\0x`, 70), uint(unauth, 70)]);
  set("a name of 79 bytes", [uint(LONGEST_FIELD, 1)]);
  set("a name of 80 bytes", [uint(TOO_LONG_FIELD, 1)]);
  set("a name of 2000 bytes behind a bad type", [wrong, uint(LONG, 1)]);
  set("a flag and a bad type", [wrong], 1);
  set("a flag and a name that is too long", [uint(TOO_LONG_FIELD, 1)], 1);
  set("of an unknown server, all wrong", [wrong, uint(TOO_LONG_FIELD, 1)], 1, "x");
  const many = (count: number): admin.Parameter[] =>
    Array.from({ length: count }, () => uint("zz", 1));
  set("32 parameters", many(32));
  set("33 parameters", many(33));
  for (const type of [0, 8, 0xffffffff]) {
    set(`a parameter of type ${type | 0}`, [{ field: max, type, value: u32(1) }]);
  }
  set("a parameter without a value", [{ field: max, type: 2, value: u32() }]);
  set("of a server with a NUL in its name", [uint(max, 5000)], 0, "admin\0x");
  a.asks("GET_CLIENT_LIMITS at the end", admin.getLimits("admin"));
});

const clients = story("clients", (s) => {
  const a = s.admin("a");
  a.asks("LIST_CLIENTS admin", admin.listClients("admin"));
  a.asks("LIST_CLIENTS virtlockd, which has none", admin.listClients("virtlockd"));
  const l = s.lock("l");
  s.lock("m");
  a.asks("LIST_CLIENTS virtlockd", admin.listClients("virtlockd"));
  a.asks("LIST_CLIENTS without results", admin.listClients("virtlockd", 0));
  a.asks("LIST_CLIENTS with need_results −1", admin.listClients("virtlockd", 0xffffffff));
  a.asks("LIST_CLIENTS with a flag", admin.listClients("virtlockd", 1, 1));
  a.asks("LIST_CLIENTS of an unknown server, with a flag", admin.listClients("x", 1, 1));
  a.asks("LOOKUP_CLIENT", admin.lookupClient("virtlockd", 2n));
  a.asks("LOOKUP_CLIENT of this one", admin.lookupClient("admin", 2n));
  for (const id of [0n, 1n, 9n, 1n << 53n, (1n << 53n) + 2n, 1n << 63n, MAX_ID]) {
    a.asks(`LOOKUP_CLIENT ${id}, which is none`, admin.lookupClient("virtlockd", id));
  }
  a.asks("LOOKUP_CLIENT with a flag", admin.lookupClient("virtlockd", 2n, 1));
  a.asks("LOOKUP_CLIENT of an unknown id, with a flag", admin.lookupClient("virtlockd", 9n, 1));
  a.asks("LOOKUP_CLIENT of an unknown server and id", admin.lookupClient("x", 9n, 1));
  l.leaves();
  a.asks("LIST_CLIENTS after one has left", admin.listClients("virtlockd"));
  a.asks("LOOKUP_CLIENT of the one that has left", admin.lookupClient("virtlockd", 2n));
  s.lock("n");
  a.asks("LIST_CLIENTS with a new one", admin.listClients("virtlockd"));
});

const lockFrame = (
  procedure: number,
  changes: Partial<frames.Header>,
  ...payload: Uint8Array[]
): Uint8Array => frames.frame(frames.callHeader(procedure, 1, changes), ...payload);

const clientInfo = story("client-info", (s) => {
  const a = s.admin("a");
  const b = s.admin("b");
  const info = (title: string, server: string, id: bigint, flags = 0): void => {
    a.asks(`CLIENT_GET_INFO ${title}`, admin.clientInfo(server, id, flags));
  };
  info("of this client", "admin", 2n);
  info("of an admin client without a call", "admin", 3n);
  b.asks("an undecodable call", admin.call(1));
  info("of a client with an undecodable call", "admin", 3n);
  b.asks("an unknown procedure", admin.call(20));
  info("of a client that asked for an unknown procedure", "admin", 3n);
  b.asks("a refused call", admin.open(1));
  info("of a client with a refused call", "admin", 3n);
  s.lock("silent");
  info("of a lock client without a call", "virtlockd", 2n);
  info("of a lock client without a call, with a flag", "virtlockd", 2n, 1);
  s.lock("l").asks("RESTRICT before REGISTER", lockFrame(2, {}, u32(0)));
  info("of a lock client with a call", "virtlockd", 3n);
  info("of an unknown client", "virtlockd", 77n);
  info("of an unknown client, with a flag", "virtlockd", MAX_ID, 1);
  info("of an unknown server", "x", 2n, 1);
  info("with a flag", "admin", 2n, 0x10);
});

const pinging = story("pinging", (s) => {
  const a = s.admin("a");
  const l = s.lock("l");
  l.asks("PING", frames.ping);
  l.asks("another program", lockFrame(1, { program: 7 }, u32(0)));
  l.asks("a bad status", lockFrame(2, { status: 1 }, u32(0)));
  l.asks("an unknown procedure", lockFrame(99, {}, u32(0)));
  l.asks("an undecodable call", lockFrame(2, {}));
  a.asks("CLIENT_GET_INFO", admin.clientInfo("virtlockd", 2n));
  l.asks("a decodable one", lockFrame(2, {}, u32(1)));
  a.asks("CLIENT_GET_INFO", admin.clientInfo("virtlockd", 2n));
}, "it is about the lock program");

const clientClose = story("client-close", (s) => {
  const a = s.admin("a");
  const l = s.lock("l");
  const m = s.lock("m");
  const b = s.admin("b");
  a.asks("CLIENT_CLOSE with a flag", admin.closeClient("virtlockd", 2n, 1));
  a.asks("CLIENT_CLOSE of an unknown client, with a flag", admin.closeClient("virtlockd", 9n, 1));
  a.asks("CLIENT_CLOSE of an unknown server, with a flag", admin.closeClient("x", 2n, 1));
  a.asks("CLIENT_CLOSE of the lock client of the same id", admin.closeClient("virtlockd", 2n));
  l.isDropped();
  a.asks("LIST_CLIENTS without it", admin.listClients("virtlockd"));
  a.asks("CLIENT_CLOSE of another admin client", admin.closeClient("admin", 3n));
  b.isDropped();
  a.asks("LIST_CLIENTS without it", admin.listClients("admin"));
  a.asks("CLIENT_CLOSE once more", admin.closeClient("admin", 3n));
  a.mumbles("CLIENT_CLOSE of this client", admin.closeClient("admin", 2n)).isDropped();
  m.leaves();
});

const timeout = story("timeout", (s) => {
  const a = s.admin("a");
  a.asks("SET_DAEMON_TIMEOUT 0", admin.setTimeout(0));
  a.asks("SET_DAEMON_TIMEOUT 5", admin.setTimeout(5));
  a.asks("SET_DAEMON_TIMEOUT with flags", admin.setTimeout(5, 3));
  a.asks("SET_DAEMON_TIMEOUT to the largest", admin.setTimeout(0xffffffff));
  a.asks("SET_DAEMON_TIMEOUT back to 0", admin.setTimeout(0));
});

const framing = story("framing", (s) => {
  const a = s.admin("a");
  const version = (changes: Partial<frames.Header>): Uint8Array => admin.callWith(changes, 3);
  for (const status of [1, 2, 3, 0x80000000, 0xffffffff]) {
    a.asks(`a status of ${status}`, version({ status }));
  }
  a.asks("a bad status before an unknown procedure", version({ status: 1, procedure: 99 }));
  for (
    const program of [0, frames.Program.lock, frames.Program.keepalive, 0x80000000, 0xffffffff]
  ) {
    a.asks(`program ${program}`, version({ program }));
  }
  for (const other of [0, 2, 0x80000000]) {
    a.asks(`version ${other}`, version({ version: other }));
  }
  for (const type of [1, 2, 3, 5, 6, 7, 255, 0xffffffff]) {
    a.says(`a message of type ${type}`, version({ type }));
  }
  for (const serial of [0, 7, 0xffffffff]) a.asks(`serial ${serial}`, version({ serial }));
  a.asks("PING", frames.ping);
  a.asks("a call with 0 descriptors", admin.callWith({ type: 4 }, 1, u32(0, 0)));
  a.asks("a call with 0 descriptors and a flag", admin.callWith({ type: 4 }, 1, u32(0, 1)));
  a.mumbles("a call with 33 descriptors", admin.callWith({ type: 4 }, 1, u32(33, 0))).isDropped();
  s.admin("b").mumbles("a length word of 27", u32(27, 0, 0, 0, 0, 0, 0)).isDropped();
}, "it is about what both programs share");

/** ADMIN_STRING_MAX */
const STRING_MAX = 4_194_304;

const large = story("large", (s) => {
  const a = s.admin("a");
  const prefix = "Server not found: No server named ''".length;
  const name = (length: number): string => "n".repeat(length);
  a.asks(
    "LOOKUP_SERVER of a name that just fits its error",
    admin.lookupServer(name(STRING_MAX - prefix)),
  );
  a.asks("LOOKUP_SERVER of a string over the limit", admin.lookupServer(name(STRING_MAX + 1)));
  const filter = (length: number): string => `1:${name(length - 2)}`;
  a.asks("SET_LOGGING_FILTERS of the longest setting", admin.setFilters(filter(STRING_MAX)));
  a.asks("GET_LOGGING_FILTERS, too long to be encoded", admin.getFilters());
  a.asks(
    "SET_LOGGING_FILTERS to the longest that can be read",
    admin.setFilters(filter(STRING_MAX - 3)),
  );
  a.asks("GET_LOGGING_FILTERS, of the longest", admin.getFilters());
  a.asks("SET_LOGGING_FILTERS, one byte longer", admin.setFilters(filter(STRING_MAX - 2)));
  a.asks("GET_LOGGING_FILTERS, too long by one", admin.getFilters());
  a.asks("SET_LOGGING_FILTERS to none", admin.setFilters(""));
  a.mumbles("an error text over the limit", admin.lookupServer(name(STRING_MAX - prefix + 1)));
  a.isDropped();
}, "its frames have megabytes");

export const adminCorpus: readonly AdminStory[] = [
  connection,
  procedures,
  servers,
  threadpool,
  limits,
  clients,
  clientInfo,
  pinging,
  clientClose,
  ...loggingStories,
  timeout,
  framing,
  large,
];
