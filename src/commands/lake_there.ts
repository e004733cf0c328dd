import { CHECKPOINT_FILE } from "../checkpoint/checkpoint.ts";
import { damagedError } from "../core/errors.ts";
import type { Files } from "../runtime/files.ts";

/**
 * A command on what a lake holds does not begin a new one.
 *
 * @throws OrillaError with exit code 3 where OUT_DIR has no checkpoint
 */
export async function refuseWithoutCheckpoint(files: Files): Promise<void> {
  if (await files.exists(CHECKPOINT_FILE)) return;
  throw damagedError(
    `${
      files.absolute(CHECKPOINT_FILE)
    } is not there. Name another --out-dir, restore it from a copy, or ` +
      `make a new one from the lake's files: orilla rebuild`,
  );
}
