import "../../bind_libc.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { closeDescriptor } from "../../../ffi/file.ts";
import { bindUnix, listenSocket, unixStream } from "../../../ffi/socket.ts";
import {
  ANSWER_MAX_BYTES,
  CONTROL_CLIENTS_MAX,
  CONTROL_IDLE_MS,
  REQUEST_MAX_BYTES,
} from "../../../src/host/control.ts";
import { askDaemon } from "../../../src/host/control_client.ts";
import * as exit from "../../../src/host/exit.ts";

/** control_daemon.ts in a process of its own. */
class TestDaemon implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly path = `${this.directory}/control`;
  readonly log = `${this.directory}/log`;
  readonly #child: Deno.ChildProcess;

  private constructor() {
    const script = new URL("control_daemon.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", script, this.path, this.log],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
  }

  static async start(): Promise<TestDaemon> {
    const daemon = new TestDaemon();
    const reader = daemon.#child.stdout.getReader();
    await reader.read();
    reader.releaseLock();
    return daemon;
  }

  async stop(): Promise<number> {
    await this.#child.stdin.close().catch(() => {});
    await this.#child.stdout.cancel();
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function refusal(path: string, request: string): [number, string] {
  const error = assertThrows(() => askDaemon(path, request), exit.ExitError);
  return [error.code, error.message];
}

async function readAll(connection: Deno.Conn): Promise<string> {
  let text = "";
  for await (const chunk of connection.readable) text += new TextDecoder().decode(chunk);
  return text;
}

/** Asks until the daemon has seen that a client went, and takes a new one. */
async function firstAnswer(path: string, request: string): Promise<string> {
  for (let attempt = 0;; attempt++) {
    try {
      return askDaemon(path, request);
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function send(path: string, text: string): Promise<Deno.Conn> {
  const connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode(text));
  return connection;
}

Deno.test("ControlSocket answers, refuses and fails by request, and askDaemon tells which", async () => {
  await using daemon = await TestDaemon.start();
  const { path } = daemon;
  assertEquals(askDaemon(path, "echo a  ü"), "a ü");
  assertEquals(refusal(path, "echo"), [exit.EX_USAGE, "echo wants words"]);
  assertEquals(refusal(path, "nothing"), [exit.EX_USAGE, 'no request "nothing": ask for "help"']);
  assertEquals(refusal(path, ""), [exit.EX_USAGE, 'no request "": ask for "help"']);
  assertEquals(refusal(path, "toString")[0], exit.EX_USAGE);
  assertEquals(refusal(path, "broken"), [exit.EX_SOFTWARE, "out of order"]);
  assertEquals(askDaemon(path, "help").split("\n")[1].startsWith("loglevel [LEVEL]: "), true);
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});

Deno.test("commonRequests answer metrics and set the log level", async () => {
  await using daemon = await TestDaemon.start();
  const { path } = daemon;
  assertEquals(askDaemon(path, "metrics").includes("\nx_answers_total 0\n"), true);
  assertEquals(askDaemon(path, "metrics").includes("\nx_log_messages_dropped 0\n"), true);
  assertEquals(askDaemon(path, "loglevel"), "3\n");
  assertEquals(askDaemon(path, "loglevel 1"), "1\n");
  assertEquals(askDaemon(path, "loglevel"), "1\n");
  const logged = (): boolean => {
    askDaemon(path, "note");
    return Deno.readTextFileSync(daemon.log).includes("noted");
  };
  assertEquals(askDaemon(path, "loglevel 3"), "3\n");
  assertEquals(logged(), false);
  assertEquals(askDaemon(path, "loglevel 1"), "1\n");
  assertEquals(logged(), true);
  assertEquals(refusal(path, "loglevel 5")[0], exit.EX_USAGE);
  assertEquals(refusal(path, "loglevel 1 2")[0], exit.EX_USAGE);
});

Deno.test("ControlSocket sends an answer of the greatest size whole, and none above it", async () => {
  await using daemon = await TestDaemon.start();
  assertEquals(askDaemon(daemon.path, `large ${ANSWER_MAX_BYTES}`).length, ANSWER_MAX_BYTES);
  assertEquals(refusal(daemon.path, `large ${ANSWER_MAX_BYTES + 1}`), [
    exit.EX_SOFTWARE,
    `the answer is longer than ${ANSWER_MAX_BYTES} bytes`,
  ]);
});

Deno.test("ControlSocket answers several requests of one connection in order, in any pieces", async () => {
  await using daemon = await TestDaemon.start();
  const connection = await send(daemon.path, "echo a\necho b\nec");
  await connection.write(new TextEncoder().encode("ho c\n"));
  await (connection as Deno.UnixConn).closeWrite();
  assertEquals(await readAll(connection), "ok 1\naok 1\nbok 1\nc");
});

Deno.test("ControlSocket hangs up on a request that is too long, and on too many clients", async () => {
  await using daemon = await TestDaemon.start();
  const { path } = daemon;
  const long = await send(path, "x".repeat(REQUEST_MAX_BYTES));
  assertEquals(await readAll(long), "");
  assertEquals(refusal(path, "x".repeat(REQUEST_MAX_BYTES))[0], exit.EX_USAGE);

  const idle = await Promise.all(Array.from({ length: CONTROL_CLIENTS_MAX }, () => send(path, "")));
  const [code, message] = refusal(path, "echo a");
  assertEquals(code, exit.EX_TEMPFAIL);
  assert(message.includes("takes no more control clients"), message);
  idle.pop()?.close();
  assertEquals(await firstAnswer(path, "clients"), String(CONTROL_CLIENTS_MAX));
  for (const connection of idle) connection.close();
});

Deno.test("ControlSocket hangs up on a client that is silent or does not read", async () => {
  await using daemon = await TestDaemon.start();
  const { path } = daemon;
  const began = performance.now();
  const silent = await send(path, "half a requ");
  const deaf = await send(path, "large 5000000\n");
  assertEquals(askDaemon(path, "clients"), "3");
  assertEquals(await readAll(silent), "");
  assert(performance.now() - began >= CONTROL_IDLE_MS - 100);
  assert((await readAll(deaf).catch(() => "")).length < 5_000_000);
  assertEquals(askDaemon(path, "clients"), "1");
});

const otherUsers = "ControlSocket refuses other users";
const isRoot = Deno.uid() === 0;
if (!isRoot) console.log(`SKIPPED ${otherUsers}: needs root`);

Deno.test({ name: otherUsers, ignore: !isRoot }, async () => {
  await using daemon = await TestDaemon.start();
  Deno.chmodSync(daemon.directory, 0o755);
  Deno.chmodSync(daemon.path, 0o666);
  const script = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; " +
    "print 'read ', sysread($s, my $bytes, 9)";
  const { stdout } = await new Deno.Command("setpriv", {
    args: ["--reuid=65534", "--regid=65534", "--clear-groups", "perl", "-e", script, daemon.path],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "read 0");
});

Deno.test("ControlSocket removes its file at the end", async () => {
  await using daemon = await TestDaemon.start();
  assertEquals(await daemon.stop(), 0);
  assertThrows(() => Deno.statSync(daemon.path), Deno.errors.NotFound);
});

Deno.test("askDaemon says that no daemon runs, that it is busy, or that it is none", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/socket`;
  assertEquals(refusal(path, "x"), [exit.EX_UNAVAILABLE, `no daemon answers at "${path}"`]);
  const fd = unixStream();
  bindUnix(fd, path);
  assertEquals(refusal(path, "x")[0], exit.EX_UNAVAILABLE);
  listenSocket(fd, 1);
  const began = performance.now();
  assertEquals(refusal(path, "x"), [
    exit.EX_TEMPFAIL,
    `the daemon at "${path}" is too busy to answer`,
  ]);
  assert(performance.now() - began < 8_000);
  closeDescriptor(fd);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("askDaemon refuses what does not speak its protocol", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/socket`;
  const script = new URL("control_impostor.ts", import.meta.url).pathname;
  const answers = ["hello\n", "ok 99999999999\n", "x".repeat(100), "ok 5\nabc"];
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script, path, ...answers],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  const codes = answers.map(() => refusal(path, "x")[0]);
  assertEquals(codes, [exit.EX_PROTOCOL, exit.EX_PROTOCOL, exit.EX_PROTOCOL, exit.EX_TEMPFAIL]);
  await server.stdout.cancel();
  await server.status;
  Deno.removeSync(directory, { recursive: true });
});
