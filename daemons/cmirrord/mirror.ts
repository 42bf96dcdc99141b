/** One mirror: its log, and this node's part in the group that keeps it. State only; what happens to it is in mirror_table.ts. */
import { Bitmap } from "./bitmap.ts";
import type { Construction } from "./constructor.ts";
import { LOG_BLOCK_BYTES, LogImage } from "./disk_log.ts";
import type { Entry } from "./entries.ts";
import { IdleRegions } from "./idle.ts";
import { MirrorLog } from "./log.ts";
import { MirrorState } from "./mirror_state.ts";
import { UUID_AT, UUID_BYTES } from "./ulog.ts";

/**
 * pending: not in a group. joining: to join as soon as it can. invalid: a member that waits for a checkpoint. loading: the first
 * member, reading the log. valid: takes part. leaving: left, and the group has not said so yet.
 */
export type Phase = "pending" | "joining" | "invalid" | "loading" | "valid" | "leaving";

/** A checkpoint on its way to a joiner. */
export interface ReadyCheckpoint {
  readonly node: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The log on disk, and what is being written to it. */
export interface DiskLog {
  /** `major:minor`, once it is open. */
  device: string;
  image: LogImage;
  /** Whether the device may hold anything: then all of it is written. */
  unknown: boolean;
  /** Whether the last write failed. */
  failed: boolean;
  /** Whether it is being read. */
  reading: boolean;
  /** Writes under way, and whether one of them failed. */
  writing: number;
  failing: boolean;
  /** FLUSHes that the write under way answers, and those that need another one. */
  readonly covered: Entry[];
  readonly next: Entry[];
}

export class Mirror {
  phase: Phase = "pending";
  readonly log: MirrorLog;
  readonly state: MirrorState;
  /** undefined for a core log. */
  readonly disk: DiskLog | undefined;
  /** The name of its group: the uuid with its NUL. */
  readonly groupName: Uint8Array;
  /** The identity up to the word that the uuid's NUL is in. */
  readonly identityWords: Uint32Array;

  handle = -1;
  /** Nodeids, as the last configuration change said. */
  readonly members: number[] = [];
  /** The server's nodeid; 0 for none. */
  lowest = 0;
  /** Requests of this node that wait for the server's answer. */
  readonly working: Entry[] = [];
  /** What was delivered before the log was there, in order. */
  readonly startup: Entry[] = [];
  /** Joiners that are owed a snapshot, oldest first; checkpoints to be sent, the last one first. */
  readonly owed: number[] = [];
  readonly ready: ReadyCheckpoint[] = [];
  /** Joiners that asked when this node had no state itself. */
  readonly late: number[] = [];
  /** Messages that corosync did not take yet. */
  readonly outbox: Entry[] = [];
  /** Own messages that were sent and not delivered yet. */
  inFlight = 0;
  /** The server is about to go, or is gone: when `delay` members before this one have left, ask again. */
  resend = false;
  delay = 0;
  /** Whether the bits came by a checkpoint, so that the resume keeps them. */
  checkpointed = false;
  /** Whether POSTSUSPEND was the last that the kernel has said of its state. */
  isSuspended = false;
  /** Whether it was so when an earlier daemon died: if it is not any more, the kernel has resumed it without one. */
  wasSuspended = false;
  /** Whether another table of the same uuid is known: one of both is about to take the other's place. */
  hasSibling = false;

  /** Whether no other member has a state, so that the own RESUME brings the log. */
  isFirst = false;

  /** Regions that the kernel of this node may write while it is in no group. */
  readonly written: number[] = [];

  /** The kernel's RESUMEs that are to be answered: one for each of its tasks that waits, and those that it has repeated. */
  readonly resumes: Entry[] = [];
  /** The kernel's CTR that is to be answered. */
  construction: Entry | undefined;
  /** What that CTR is answered with. */
  answer = "";
  /** Whether corosync was told to leave the group. */
  hasLeft = false;
  /** DTR came while in the group: forget the mirror when it is left. */
  destroyed = false;
  /** When to try again to join, or to give up waiting for a checkpoint. */
  dueMs: number | undefined;
  /** When to send again what corosync would not take. */
  retryDueMs: number | undefined;
  pauseMs = 0;
  /** The number of this join, in the trailers that answer it. */
  generation = 0;

  /** Regions that are marked in the group as far as this node has asked for it. */
  readonly held: Bitmap;
  readonly idle: IdleRegions;
  /** Whether marks were sent since the last FLUSH. */
  needsFlush = false;
  /** When bits that nobody waits for are to be written. */
  flushDueMs: number | undefined;
  /**
   * Whether a resume as the first member goes on with the bits that are there: of a mirror that was suspended when this node was
   * its last member (D26), or of one that is live, whose daemon, or its cluster, was away (D1, D9).
   */
  keeps: "nothing" | "suspended" | "live" = "nothing";
  /** Nodes that are known to run our daemon. */
  readonly ours = new Set<number>();
  /** Nodes of the other part of a partition, whose state is to be merged. */
  readonly merging = new Set<number>();
  /** The kernel's version of the protocol. */
  version = 3;
  /** Members from before this one's join that may still write the log: as the server it writes only behind them. */
  readonly writers = new Set<number>();
  writersDueMs = 0;
  /** Those that this node has not waited for to the end: an older write of theirs may land on what it has written since. */
  readonly givenUp = new Set<number>();
  /** Whether other nodes' kernels were there when the daemon, or its cluster, went away. */
  wasShared = false;
  /** Nodes whose daemons have died, their kernels perhaps not. */
  readonly absent = new Set<number>();
  /** When what absent nodes recovered is nobody's any more; undefined while they hold nothing. */
  lapseDueMs: number | undefined;
  /** Whether `nosync` of the table line was obeyed once (D26). */
  wasFilled = false;

  constructor(
    /** luid and uuid: the first bytes of its requests. */
    readonly identity: Uint8Array,
    storage: Uint8Array,
    construction: Construction,
    original: boolean,
  ) {
    this.state = new MirrorState(storage, construction.regionCount);
    this.log = new MirrorLog(construction, this.state, original);
    this.held = new Bitmap(construction.regionCount);
    this.idle = new IdleRegions(construction.regionCount);
    this.disk = construction.device === "" ? undefined : newDisk(construction.regionCount);
    const end = identity.indexOf(0, UUID_AT) + 1;
    this.groupName = identity.slice(UUID_AT, end);
    // Behind the longest uuid are three bytes of padding, which the kernel leaves zero.
    const padded = new Uint8Array(4 * Math.ceil(end / 4));
    padded.set(identity.subarray(0, end));
    this.identityWords = new Uint32Array(padded.buffer);
  }

  /** Whether other nodes' kernels may be there now. */
  get isShared(): boolean {
    return this.members.length > 1 || this.absent.size > 0 || this.wasShared;
  }

  isMember(node: number): boolean {
    return this.members.includes(node);
  }
}

function newDisk(regionCount: number): DiskLog {
  return {
    device: "",
    image: new LogImage(regionCount, LOG_BLOCK_BYTES),
    unknown: true,
    failed: false,
    reading: false,
    writing: 0,
    failing: false,
    covered: [],
    next: [],
  };
}

export const IDENTITY_BYTES = UUID_AT + UUID_BYTES;
