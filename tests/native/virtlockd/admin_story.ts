/** The language of the admin corpus: a story is played by a few clients against a daemon of its own. */
import { version } from "./admin_frames.ts";

export type AdminStep =
  | { readonly kind: "connect"; readonly client: string; readonly socket: "admin" | "lock" }
  /** Sends, then waits for one frame, or for the end of the connection. */
  | {
    readonly kind: "call";
    readonly client: string;
    readonly title: string;
    readonly bytes: Uint8Array;
  }
  /** Sends what is not to be answered. */
  | {
    readonly kind: "send";
    readonly client: string;
    readonly title: string;
    readonly bytes: Uint8Array;
  }
  /** Waits for the daemon to end a connection. */
  | { readonly kind: "ended"; readonly client: string }
  | { readonly kind: "close"; readonly client: string };

export interface AdminStory {
  /** A file name. */
  readonly name: string;
  readonly steps: readonly AdminStep[];
  /** Why there is no golden transcript of it, if there is none. */
  readonly notGolden?: string;
}

export class StoryClient {
  constructor(readonly name: string, readonly steps: AdminStep[]) {}

  asks(title: string, bytes: Uint8Array): this {
    return this.#add({ kind: "call", client: this.name, title, bytes });
  }

  /** Sends a frame that gets no answer, and one that does. */
  says(title: string, bytes: Uint8Array): this {
    this.#add({ kind: "send", client: this.name, title, bytes });
    return this.asks("GET_LIB_VERSION: still answered", version());
  }

  /** A frame without an answer. */
  mumbles(title: string, bytes: Uint8Array): this {
    return this.#add({ kind: "send", client: this.name, title, bytes });
  }

  isDropped(): this {
    return this.#add({ kind: "ended", client: this.name });
  }

  leaves(): this {
    return this.#add({ kind: "close", client: this.name });
  }

  #add(step: AdminStep): this {
    this.steps.push(step);
    return this;
  }
}

/** Records what the clients of one story do. */
export class Story {
  readonly steps: AdminStep[] = [];

  /** A client on the admin socket; ids count from 2, for the watcher of admin_run.ts is number 1. */
  admin(name: string): StoryClient {
    return this.#connect(name, "admin");
  }

  /** A client on the lock socket; ids count from 2, for the lab has looked whether the daemon serves. */
  lock(name: string): StoryClient {
    return this.#connect(name, "lock");
  }

  #connect(client: string, socket: "admin" | "lock"): StoryClient {
    this.steps.push({ kind: "connect", client, socket });
    return new StoryClient(client, this.steps);
  }
}

export function story(
  name: string,
  tell: (story: Story) => void,
  notGolden?: string,
): AdminStory {
  const told = new Story();
  tell(told);
  return { name, steps: told.steps, ...notGolden === undefined ? {} : { notGolden } };
}
