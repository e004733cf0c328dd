import { DatabaseSync } from "node:sqlite";
import type { Origin } from "../core/record.ts";
import type { MarkedReplay } from "../core/replay.ts";
import { CHECKPOINT_FILE } from "./schema.ts";
import { unreadableCheckpoint } from "./inspection.ts";
import { Replays } from "./replays.ts";

/** The marks of a checkpoint, for readers beside a writer. */
export interface ReplayMarks extends Disposable {
  readonly markOf: (letter: Origin) => MarkedReplay | null;
}

/**
 * Opens the marks for reading.
 *
 * @param outDir absolute path
 * @throws OrillaError with exit code 3 where there is no checkpoint, or it cannot be read
 */
export function openReplayMarks(outDir: string): ReplayMarks {
  using resources = new DisposableStack();
  try {
    const options = { readOnly: true, timeout: 5000 };
    const database = new DatabaseSync(`${outDir}/${CHECKPOINT_FILE}`, options);
    resources.defer(() => database.close());
    const replays = new Replays(database);
    const kept = resources.move();
    return {
      markOf: (letter) => replays.markOf(letter),
      [Symbol.dispose]: () => kept.dispose(),
    };
  } catch (error) {
    throw unreadableCheckpoint(outDir, error);
  }
}
