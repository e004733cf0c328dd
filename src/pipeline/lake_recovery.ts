import type { CommitStore } from "../checkpoint/commit_store.ts";
import { isTable } from "../lake/lake_reader.ts";
import type { Protection } from "../lake/protection.ts";
import type { LakeStorage } from "../lake/storage.ts";
import { adoptNewerCommits } from "./adoption.ts";
import { finishReplacements } from "./compaction.ts";
import type { LakeSessionOptions } from "./lake_session.ts";
import type { LakeTable } from "./lake_table.ts";
import { finishPurges } from "./purge.ts";
import { isWithoutCommits, publishUnpublished, recover, refuseLost } from "./recovery.ts";

/** What a lake is opened with. */
interface OpeningLake {
  readonly files: LakeStorage;
  readonly checkpoint: CommitStore;
  readonly protection: Protection;
}

/** A lake that is as its checkpoint's last commit says. */
interface RecoveredLake {
  /** Null where the lake is no table. */
  readonly table: LakeTable | null;
  /** Finishes what other processes committed and did not live to finish, now or later. */
  readonly finishOthers: () => Promise<void>;
}

/**
 * Brings a lake to its last commit: commits that the checkpoint lost are read back, committed files published, staged
 * ones of no commit deleted, purges and merges finished.
 *
 * @throws OrillaError with exit code 3 where it is damaged
 */
export async function bringUp(
  options: LakeSessionOptions,
  { files, checkpoint, protection }: OpeningLake,
): Promise<RecoveredLake> {
  const { log } = options;
  const adopted = await adoptNewerCommits(files, checkpoint);
  if (adopted > 0) {
    log.warning("the checkpoint was behind the lake; read the newer commits back", {
      count: adopted,
    });
  }
  if (await isWithoutCommits(checkpoint)) await refuseLost(files, checkpoint);
  const { publishedCount, deletedCount } = await recover(files, checkpoint);
  await finishPurges(files, checkpoint);
  const table = await tableOf(options, { files, checkpoint, protection });
  const finishOthers = async () => {
    if (checkpoint.isShared) await publishUnpublished(files, checkpoint, table);
    await finishReplacements({ ...options, files, checkpoint, table });
  };
  await finishOthers();
  if (deletedCount > 0) {
    log.info("deleted staged files of a batch that was not committed", { files: deletedCount });
  }
  log.debug("opened the lake", {
    outDir: files.location,
    instanceId: checkpoint.instanceId,
    files: publishedCount,
  });
  return { table, finishOthers };
}

/** One that was begun goes on, also where it is not asked for. Its code is loaded where it is needed. */
async function tableOf(
  options: LakeSessionOptions,
  { files, checkpoint, protection }: OpeningLake,
): Promise<LakeTable | null> {
  if (options.tableFormat !== "delta" && !await isTable(files)) return null;
  const { openTable } = await import("./lake_table.ts");
  return await openTable({
    ...options,
    encode: options.encoder.encode,
    files,
    checkpoint,
    pseudonymizedFields: protection.recorded?.pseudonymizedFields ?? [],
    nowMs: () => options.clock.nowMs(),
  });
}
