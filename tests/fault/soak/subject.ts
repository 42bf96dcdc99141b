/** A daemon that is soaked, and what it is put through beside what all are. */
import type { Lab, LabOptions } from "../../native/virtlockd/lab.ts";
import type { Daemon } from "../../native/virtlockd/lab_daemon.ts";

export interface Subject {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly control: string;
  /** Clients of its control socket at a time. */
  readonly askers: number;
  /** That do not end it. */
  readonly signals: readonly Deno.Signal[];
  /** What it needs of its lab. */
  readonly lab: LabOptions;
  /** Beyond what it has of its own memory, in bytes, when that is bounded. */
  readonly spareMemoryBytes: number;
  /** Descriptors that come and go with what it does at the moment. */
  readonly passingDescriptors: number;
  /** Before its first start. */
  readonly prepare: (lab: Lab) => Promise<void>;
  /** The work of one turn, where there is space to write, or none. */
  readonly load: (lab: Lab, daemon: Daemon, hasSpace: boolean) => Promise<void>;
  /** Waits for what has to be there again whenever it was started, the first time and after a kill. */
  readonly survives: (lab: Lab) => Promise<void>;
  /** Takes away what keeps it from ending. */
  readonly finish: (lab: Lab) => Promise<void>;
  /** The processes that are its own, of the one that was started: none of them may grow. */
  readonly processes: (pid: number) => Promise<readonly number[]>;
}

/**
 * What V8 may have for old objects (--max-old-space-size of tasks/flags.ts, in bytes): it collects them for the first time when that is
 * nearly full, which takes an hour where little becomes old.
 */
const HEAP_BYTES = 48 << 20;

const nothing = (): Promise<void> => Promise.resolve();

/** What cannot be guessed. */
type Kind = Pick<Subject, "name" | "program" | "args" | "control">;

/** One that is put through nothing of its own, but for `rest`. */
export function subject(kind: Kind, rest: Partial<Subject>): Subject {
  return {
    ...{ ...kind, askers: 6, signals: ["SIGHUP"], lab: {}, spareMemoryBytes: HEAP_BYTES },
    ...{
      passingDescriptors: 0,
      prepare: nothing,
      load: nothing,
      survives: nothing,
      finish: nothing,
    },
    processes: (pid) => Promise.resolve([pid]),
    ...rest,
  };
}
