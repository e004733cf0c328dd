import type { CommitStore } from "../checkpoint/commit_store.ts";
import {
  dayOfFolder,
  isOver,
  type MergeGroup,
  mergeGroups,
  smallBelow,
} from "../core/compaction.ts";
import { messageOf } from "../core/errors.ts";
import { isoDate } from "../core/timestamp.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/logs.ts";
import { SimulatedCrash } from "../runtime/operations.ts";
import type { Compacted } from "./compaction.ts";

/** When a run merges files by itself. */
export interface AutoCompactOptions {
  /** About how many bytes a merged file has. */
  readonly targetBytes: number;
  /** How long after its end, in UTC, a date is merged, milliseconds. */
  readonly afterMs: number;
}

/** A date with fewer small files is left alone: a late event must not make a large file be written again. */
export const MIN_FILES = 8;
/** Between two looks at the whole manifest that found nothing. */
const LOOK_EVERY_MS = 60_000;
/** After a failure, such as a disk without room. */
const WAIT_AFTER_FAILURE_MS = 600_000;

/** What it works with. */
export interface AutoCompactionParts extends AutoCompactOptions {
  readonly checkpoint: CommitStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Merges one group; calls `giveWay` before each step. */
  readonly compact: (group: MergeGroup, giveWay: () => Promise<void>) => Promise<Compacted | null>;
  /** Resolves when no commit is under way: commits go first. */
  readonly settle: () => Promise<void>;
  /** Throws where a commit was made and could not be published: the run must end. */
  readonly assertSound: () => void;
  readonly onFailure: (error: unknown) => void;
}

class Stopped extends Error {}

/** Merges the small files of dates that are over, one group at a time, beside a run. */
export class AutoCompaction {
  readonly #parts: AutoCompactionParts;
  #running: Promise<void> | null = null;
  #nextLookMs = 0;
  #isStopped = false;

  constructor(parts: AutoCompactionParts) {
    this.#parts = parts;
  }

  /** Begins to look for something to merge where nothing is under way and it is time to. */
  step(): void {
    const { clock, onFailure } = this.#parts;
    if (this.#running !== null || this.#isStopped || clock.monotonicMs() < this.#nextLookMs) return;
    this.#running = this.#run().catch(onFailure).finally(() => this.#running = null);
  }

  /** Ends a merge under way at its next step, or lets it finish its commit. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** As `stop`, for a run that ends without waiting. */
  abandon(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      const group = await this.#nextGroup();
      if (group === null) this.#nextLookMs = clock.monotonicMs() + LOOK_EVERY_MS;
      else await this.#compact(group);
    } catch (error) {
      if (error instanceof Stopped) return;
      if (error instanceof SimulatedCrash) throw error;
      this.#parts.assertSound();
      this.#nextLookMs = clock.monotonicMs() + WAIT_AFTER_FAILURE_MS;
      log.warning("files could not be merged; they stay as they are", { error: messageOf(error) });
    }
  }

  async #nextGroup(): Promise<MergeGroup | null> {
    const { checkpoint: { replacements }, targetBytes, afterMs, clock } = this.#parts;
    const belowBytes = smallBelow(targetBytes);
    for (const folder of await replacements.foldersWithSmall({ belowBytes, minFiles: MIN_FILES })) {
      const day = dayOfFolder(folder);
      if (day === null || !isOver(day, { nowMs: clock.nowMs(), afterMs })) continue;
      const small = await replacements.smallFilesIn(folder, belowBytes);
      const [group] = mergeGroups(day, { small, targetBytes });
      if (group !== undefined) return group;
    }
    return null;
  }

  async #compact(group: MergeGroup): Promise<void> {
    const compacted = await this.#parts.compact(group, () => this.#giveWay());
    if (compacted === null) {
      // Another process is at it: what is left is left to that one for now.
      this.#nextLookMs = this.#parts.clock.monotonicMs() + LOOK_EVERY_MS;
      return;
    }
    const { sourceCount, file: { bytes } } = compacted;
    this.#parts.log.info("merged files", { date: isoDate(group.day), files: sourceCount, bytes });
  }

  async #giveWay(): Promise<void> {
    await this.#parts.settle();
    if (this.#isStopped) throw new Stopped("the run ends");
  }
}
