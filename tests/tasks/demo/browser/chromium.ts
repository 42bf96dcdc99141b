/** A headless Chromium that tests look at pages with, by its DevTools protocol. */
import { findProgram } from "../../../../tasks/rig/requirements.ts";

const START_LIMIT_MS = 120_000;

/** Why there is no browser here, if so. */
export async function missingBrowser(): Promise<string | undefined> {
  return await findProgram("chromium") === undefined ? "chromium is not installed" : undefined;
}

// deno-lint-ignore no-explicit-any
type Values = Record<string, any>;

/** What a page is shown on. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly scheme: "light" | "dark";
}

/** A browser with one page. It ends, and its files go, with `await using`. */
export class Chromium {
  #serial = 0;
  #session: string | undefined;
  readonly #answers = new Map<number, (answer: Values) => void>();
  readonly #events: { method: string; params: Values }[] = [];

  private constructor(
    private readonly process: Deno.ChildProcess,
    private readonly folder: string,
    private readonly socket: WebSocket,
  ) {
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
  }

  static async start(): Promise<Chromium> {
    const folder = await Deno.makeTempDir({ prefix: "hostkeep-browser-" });
    const quiet = ["background-networking", "component-update", "sync", "gpu", "dev-shm-usage"];
    const process = new Deno.Command("chromium", {
      args: [
        "--headless",
        "--no-sandbox", // root's has none; it sees no page but ours
        "--no-first-run",
        "--hide-scrollbars",
        "--remote-debugging-port=0",
        `--user-data-dir=${folder}`,
        ...quiet.map((what) => `--disable-${what}`),
        "about:blank",
      ],
      env: { HOME: folder },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const socket = new WebSocket(await address(folder));
    await new Promise((resolve, reject) => [socket.onopen, socket.onerror] = [resolve, reject]);
    const browser = new Chromium(process, folder, socket);
    await browser.#openPage();
    return browser;
  }

  async #openPage(): Promise<void> {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const attached = await this.call("Target.attachToTarget", { targetId, flatten: true });
    this.#session = attached.sessionId;
    for (const domain of ["Page", "Runtime", "Log"]) await this.call(`${domain}.enable`);
  }

  /** A call of the protocol. Throws what the browser says against it. */
  async call(method: string, params: Values = {}): Promise<Values> {
    const id = ++this.#serial;
    const answered = new Promise<Values>((resolve) => this.#answers.set(id, resolve));
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    this.socket.send(JSON.stringify({ id, method, params, ...session }));
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  #receive(message: Values): void {
    if (message.id === undefined) this.#events.push(message as { method: string; params: Values });
    else this.#answers.get(message.id)?.(message);
  }

  /** Shows a file on a screen, and waits until it is there. */
  async show(path: string, { width, height, scheme }: Screen): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
    await this.call("Emulation.setDeviceMetricsOverride", metrics);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.call("Emulation.setEmulatedMedia", { features });
    this.#events.length = 0;
    await this.call("Page.navigate", { url: path === "" ? "about:blank" : `file://${path}` });
    while (!this.#events.some(({ method }) => method === "Page.loadEventFired")) await pause(20);
  }

  /** The value of an expression in the page; of a promise, what it resolves to. Throws what it throws. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", options);
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** The whole page as PNG, in base64. */
  async screenshot(): Promise<string> {
    const { data } = await this.call("Page.captureScreenshot", { captureBeyondViewport: true });
    return data;
  }

  /** What the browser has against the page since it was shown. */
  complaints(): string[] {
    const bad = ["Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"];
    return this.#events.filter(({ method }) => bad.includes(method))
      .map(({ params }) => JSON.stringify(params));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.socket.onclose = resolve);
    this.#session = undefined;
    this.socket.send(JSON.stringify({ id: 0, method: "Browser.close" }));
    await this.process.status;
    await closed;
    await removeAtLast(this.folder);
  }
}

/** The browser's helpers write until they have heard that it is gone. Throws when they never do. */
async function removeAtLast(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await Deno.remove(folder, { recursive: true }).then(() => true, () => false)) return;
    await pause(100);
  }
  await Deno.remove(folder, { recursive: true });
}

/** Where the browser listens: it writes the port and the path of its socket to a file of its folder. */
async function address(folder: string): Promise<string> {
  const end = performance.now() + START_LIMIT_MS;
  while (performance.now() < end) {
    const text = await Deno.readTextFile(`${folder}/DevToolsActivePort`).catch(() => "");
    const [port, path] = text.split("\n");
    if (path !== undefined && path !== "") return `ws://127.0.0.1:${port}${path}`;
    await pause(50);
  }
  throw new Error("the browser does not listen");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
