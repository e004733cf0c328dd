import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Origin } from "../core/record.ts";
import { type MarkedReplay, type Replay, REPLAY_OUTCOMES } from "../core/replay.ts";
import { allRows } from "./rows.ts";

const TABLE = `
  CREATE TABLE IF NOT EXISTS replays (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    sequence INTEGER,
    replayed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, offset, attempts)
  ) WITHOUT ROWID;
`;

/** By which commit, and when. */
export type ReplayedAt = Pick<MarkedReplay, "sequence" | "replayedAtMs">;

/**
 * The dead letters that were replayed, by their original position and the number of times they had been
 * tried. A dead letter that is in here is done.
 */
export class Replays {
  readonly #add: StatementSync;
  readonly #markOf: StatementSync;

  /** @param database a checkpoint that has the table, see `prepareReplays` */
  constructor(database: DatabaseSync) {
    this.#add = database.prepare(
      "INSERT INTO replays VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#markOf = database.prepare(
      `SELECT outcome, detail, sequence, replayed_at_ms FROM replays
       WHERE topic = ? AND partition = ? AND offset = ? AND attempts = ?`,
    );
  }

  /**
   * Marks replays, inside the caller's transaction. A mark that is there already stays as it is.
   *
   * @returns how many were marked
   */
  add(
    replays: readonly Replay[],
    { sequence, replayedAtMs }: ReplayedAt,
  ): number {
    let count = 0;
    for (const { letter, outcome, detail } of replays) {
      const { topic, partition, offset, attempts } = letter;
      const { changes } = this.#add.run(
        ...[topic, partition, offset, attempts, outcome, detail] as const,
        ...[sequence, replayedAtMs] as const,
      );
      count += Number(changes);
    }
    return count;
  }

  /** What became of a dead letter, null where it waits. */
  markOf(letter: Origin): MarkedReplay | null {
    const { topic, partition, offset, attempts } = letter;
    const row = this.#markOf.get(topic, partition, offset, attempts);
    const outcome = REPLAY_OUTCOMES.find((known) => known === row?.["outcome"]);
    if (row === undefined || outcome === undefined) return null;
    const { detail, sequence } = row;
    return {
      letter: { topic, partition, offset, attempts },
      outcome,
      detail: typeof detail === "string" ? detail : null,
      sequence: typeof sequence === "number" ? sequence : null,
      replayedAtMs: Number(row["replayed_at_ms"]),
    };
  }
}

/** All marks of a checkpoint. */
export function readReplays(database: DatabaseSync): readonly MarkedReplay[] {
  return allRows(database, "SELECT * FROM replays").flatMap((row): MarkedReplay[] => {
    const { topic, partition, offset, attempts, detail, sequence } = row;
    const outcome = REPLAY_OUTCOMES.find((known) => known === row["outcome"]);
    if (outcome === undefined || typeof offset !== "bigint") return [];
    return [{
      letter: {
        topic: String(topic),
        partition: Number(partition),
        offset,
        attempts: Number(attempts),
      },
      outcome,
      detail: typeof detail === "string" ? detail : null,
      sequence: sequence === null ? null : Number(sequence),
      replayedAtMs: Number(row["replayed_at_ms"]),
    }];
  });
}

/** Makes the table where it is missing. */
export function prepareReplays(database: DatabaseSync): void {
  database.exec(TABLE);
}
