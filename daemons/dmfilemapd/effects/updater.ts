/** One look at the file, and the regions brought in line with it. */
import type { Applied, Group } from "../group.ts";
import { lookAhead } from "../regions.ts";
import { DISSOLVE_WAIT_MS, REST_MIN_MS, UNOPENED_REST_MS } from "../limits.ts";
import type { Event, LookOutcome } from "../machine.ts";
import type { Shortage } from "../shortage.ts";
import { GroupGoneError, StatsError } from "../stats_device.ts";
import { deviceSectors } from "./device.ts";
import { Errno } from "../../../ffi/errno.ts";
import { pollDescriptor } from "../../../ffi/poll.ts";
import { type FollowedFile, type Sight, UnfitFileError, UnopenedError } from "./file.ts";
import type { DeviceLock } from "./instance.ts";
import type { UpdateMetrics } from "./update_metrics.ts";
import type { Voice } from "./voice.ts";

const SHORTAGES: Readonly<Record<Shortage, string>> = {
  regions: "region_limit is reached",
  memory: "the kernel takes no more regions: Cannot allocate memory",
  descriptor: "the group's descriptor would be too long for other tools",
  ids: "too many ids below the group's are free",
};

export interface UpdaterParts {
  readonly file: FollowedFile;
  readonly group: Group;
  /** Undefined where the run directory could not be made. */
  readonly deviceLock: DeviceLock | undefined;
  readonly lookAheadSectors: number;
  readonly metrics: UpdateMetrics;
  readonly voice: Voice;
  readonly now: () => number;
}

export class Updater {
  /** Extents at the last look. */
  extents = 0;
  /** Why the regions are not those of the extents. */
  shortage: Shortage | undefined;

  constructor(private readonly parts: UpdaterParts) {}

  /** Looks at the file; the event to go on with. Does not throw for what may happen to files and devices. */
  look(): Event {
    const beganMs = this.parts.now();
    this.parts.metrics.looks.add();
    try {
      const sight = this.parts.file.look();
      if (sight === undefined) return this.#looked("missing", undefined, undefined, beganMs);
      const { extents, unsettled } = sight.map;
      this.extents = extents.length;
      if (extents.length === 0 && !unsettled) {
        return this.#looked("empty", sight, undefined, beganMs);
      }
      const applied = this.#apply(sight);
      if (applied === undefined) return { type: "lookedLater", waitMs: REST_MIN_MS };
      return this.#looked("mapped", sight, applied, beganMs);
    } catch (error) {
      return this.#failed(error, beganMs);
    }
  }

  /** Undefined while another daemon changes the device's regions. */
  #apply({ map }: Sight): Applied | undefined {
    const { group, deviceLock, lookAheadSectors, file } = this.parts;
    const wanted = lookAheadSectors === 0 ? map.extents : lookAhead(
      map.extents,
      group.members,
      lookAheadSectors,
      deviceSectors(file.identity.device),
    );
    const apply = (): Applied => group.apply(wanted);
    const applied = deviceLock === undefined ? apply() : deviceLock.with(apply);
    if (applied !== undefined) this.#seeShortage(applied.shortage);
    return applied;
  }

  /**
   * Deletes the group while no other daemon changes regions: one that replaces its leader counts on it that no lower id becomes free.
   * After a while that is not waited for any more. Throws StatsError.
   */
  dissolve(): void {
    const { group, deviceLock } = this.parts;
    if (deviceLock === undefined) return group.dissolve();
    for (let leftMs = DISSOLVE_WAIT_MS; leftMs > 0; leftMs -= REST_MIN_MS) {
      const isDone = deviceLock.with(() => {
        group.dissolve();
        return true;
      });
      if (isDone) return;
      pollDescriptor(-1, 0, REST_MIN_MS);
    }
    group.dissolve();
  }

  /** Said once, until it is over. */
  #seeShortage(shortage: Shortage | undefined): void {
    if (shortage === this.shortage) return;
    this.shortage = shortage;
    const { voice } = this.parts;
    if (shortage === undefined) voice.warn("All extents are mapped again.");
    else voice.error(`Could not map all extents: ${SHORTAGES[shortage]}.`);
  }

  #looked(
    outcome: LookOutcome,
    sight: Sight | undefined,
    applied: Applied | undefined,
    beganMs: number,
  ): Event {
    const tookMs = this.parts.now() - beganMs;
    const changed = applied !== undefined && applied.created + applied.deleted > 0;
    if (changed) this.#count(applied, tookMs);
    return {
      type: "looked",
      outcome,
      unsettled: sight?.map.unsettled ?? false,
      changed,
      more: applied?.more ?? false,
      // What is short now may not be later, and nothing will tell.
      mayMove: sight?.mayMove ?? false,
      writer: (sight?.writer ?? false) || this.shortage !== undefined,
      tookMs,
    };
  }

  #count({ created, deleted }: Applied, tookMs: number): void {
    const { metrics, group, voice } = this.parts;
    metrics.updates.add();
    metrics.created.add(created);
    metrics.deleted.add(deleted);
    metrics.seconds.observe(tookMs / 1000);
    metrics.lastMs = tookMs;
    voice.info(
      `Updated group ${group.id}: ${this.extents} extents, ${group.members.length} regions ` +
        `(${created} created, ${deleted} deleted, ${tookMs.toFixed(1)} ms)`,
    );
  }

  #failed(error: unknown, beganMs: number): Event {
    const { voice, group } = this.parts;
    if (error instanceof UnopenedError) return { type: "lookedLater", waitMs: UNOPENED_REST_MS };
    if (error instanceof GroupGoneError) return this.#looked("gone", undefined, undefined, beganMs);
    if (error instanceof UnfitFileError || error instanceof Errno) voice.error(error.message);
    else if (error instanceof StatsError) {
      voice.error(error.message);
      voice.error(`Failed to update filemap regions for group_id=${group.id}.`);
    } else throw error;
    return this.#looked("refused", undefined, undefined, beganMs);
  }

  /** How many extents a group of this size is allowed seams for. */
  get seams(): number {
    return this.parts.group.seams(this.extents);
  }
}
