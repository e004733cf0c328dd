import type { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import { damagedError } from "../core/errors.ts";

/**
 * A command on what a lake holds does not begin a new one.
 *
 * @throws OrillaError with exit code 3 where there is no checkpoint
 */
export async function refuseWithoutCheckpoint(reader: CheckpointReader): Promise<void> {
  if (await reader.exists()) return;
  throw damagedError(
    `${reader.name} is not there. Name another --out-dir, restore it from a copy, or ` +
      `make a new one from the lake's files: orilla rebuild`,
  );
}

/**
 * Marks are read with the first dead letter, and there may be none.
 *
 * @throws OrillaError with exit code 3 where there is no checkpoint that can be read
 */
export async function refuseUnreadable(reader: CheckpointReader): Promise<void> {
  await reader.deadLetterCount();
}
