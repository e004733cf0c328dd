import type { DatabaseSync } from "node:sqlite";
import { assert } from "../core/errors.ts";
import type { PurgedFile } from "../core/purge.ts";
import type { Origin } from "../core/record.ts";
import type { MarkedReplay, Replay } from "../core/replay.ts";
import type { FileFilters } from "./file_filters.ts";
import { Purges } from "./purges.ts";
import { prepareReplays, type ReplayedAt, Replays } from "./replays.ts";

/** The checkpoint's transactions that are about dead letters alone. */
export type DeadLetterTransaction = "replay" | "purge" | "purged";

/** What a checkpoint notes of dead letters: which were replayed, and which files were removed. */
export class DeadLetterLog {
  readonly #replays: Replays;
  readonly #purges: Purges;
  readonly #filters: FileFilters;
  readonly #transaction: (name: DeadLetterTransaction, action: () => void) => void;

  /**
   * @param filters of the files, those of dead letters among them
   * @param transaction runs an action as a labelled transaction
   */
  constructor(
    database: DatabaseSync,
    filters: FileFilters,
    transaction: (name: DeadLetterTransaction, action: () => void) => void,
  ) {
    prepareReplays(database);
    this.#replays = new Replays(database);
    this.#purges = new Purges(database);
    this.#filters = filters;
    this.#transaction = transaction;
  }

  /** What became of a dead letter, null where it waits. */
  replayOf(letter: Origin): MarkedReplay | null {
    return this.#replays.markOf(letter);
  }

  /** Marks what a commit replayed, inside its transaction. */
  mark(replays: readonly Replay[], at: ReplayedAt): void {
    assert(this.#replays.add(replays, at) === replays.length, "a dead letter is replayed once");
  }

  /** Marks what a commit replayed that was read back from the lake's files, inside its transaction. */
  markAdopted(replays: readonly Replay[], at: ReplayedAt): void {
    this.#replays.add(replays, at);
  }

  /** Marks dead letters that were sent to a topic. */
  markSent(replays: readonly Replay[], replayedAtMs: number): void {
    this.#transaction("replay", () => this.mark(replays, { sequence: null, replayedAtMs }));
  }

  /** Notes dead-letter files as purged, before they are removed. */
  purge(files: readonly PurgedFile[]): void {
    this.#transaction("purge", () => {
      this.#purges.add(files);
      for (const { sequence, path } of files) this.#filters.remove(sequence, path);
    });
  }

  /** Purged files that are not known to be gone. */
  unremovedPurges(): readonly string[] {
    return this.#purges.unremoved();
  }

  /** Notes that the purged files are gone for good. */
  markRemoved(): void {
    this.#transaction("purged", () => this.#purges.markRemoved());
  }

  /** Takes over what another checkpoint of this lake notes. */
  carryOver(
    { replays, purges }: {
      readonly replays: readonly MarkedReplay[];
      readonly purges: readonly PurgedFile[];
    },
  ): void {
    this.#transaction("replay", () => {
      // The other one's commits have other numbers here.
      for (const replay of replays) this.#replays.add([replay], { ...replay, sequence: null });
      this.#purges.add(purges);
    });
  }
}
