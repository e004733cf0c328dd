import type { PartitionState } from "../../core/commit.ts";
import { partitionName, type TopicPartition } from "../../core/record.ts";
import type { Claimant } from "../commit_store.ts";
import { expelledError } from "../instances.ts";
import type { Row, Run } from "./connection.ts";
import { signOfLife } from "./instances.ts";
import { partitionStateOf } from "./rows.ts";

/** A partition that was claimed. */
export interface Claimed {
  readonly name: string;
  /** Rises with each claim of it. */
  readonly epoch: bigint;
  /** null where nothing was ever committed of it. */
  readonly state: PartitionState | null;
}

/**
 * Claims partitions, inside a transaction. What another process has begun to commit of them is waited for.
 *
 * @returns null where a later generation of the same group has one of them
 * @throws OrillaError with exit code 1 where this process was expelled
 */
export async function claimPartitions(run: Run, partitions: readonly TopicPartition[], by: {
  readonly instanceId: string;
  readonly claimant: Claimant | null;
  readonly silentMs: number;
  /** For people. */
  readonly storeName: string;
}): Promise<readonly Claimed[] | null> {
  const { instanceId, claimant, silentMs } = by;
  if (!await signOfLife(run, instanceId)) throw expelledError(by.storeName);
  const given = JSON.stringify(partitions.map(({ topic, partition }) => ({ topic, partition })));
  await run((sql) =>
    sql`
      INSERT INTO partitions (topic, partition)
        SELECT * FROM json_to_recordset(${given}::text::json) AS given (topic text, partition int)
        ORDER BY 1, 2
      ON CONFLICT DO NOTHING`
  );
  const held = await run((sql) =>
    sql<Row[]>`
      SELECT p.topic, p.partition, p.owner, p.group_id, p.generation
      FROM partitions AS p
      JOIN json_to_recordset(${given}::text::json) AS given (topic text, partition int)
        USING (topic, partition)
      ORDER BY 1, 2 FOR UPDATE OF p`
  );
  const owners = JSON.stringify([...new Set(held.map((row) => row["owner"]))]);
  const living = await run((sql) =>
    sql<Row[]>`
      SELECT instance_id FROM instances
      WHERE instance_id IN (SELECT json_array_elements_text(${owners}::text::json)) AND state = 'live'
        AND alive_at > clock_timestamp() - ${silentMs}::bigint * interval '1 ms'`
  );
  const isLiving = new Set(living.map((row) => row["instance_id"]));
  const isOutdated = claimant !== null &&
    held.some((row) =>
      row["owner"] !== instanceId && isLiving.has(row["owner"]) &&
      row["group_id"] === claimant.groupId && Number(row["generation"]) > claimant.generation
    );
  if (isOutdated) return null;
  const rows = await run((sql) =>
    sql<Row[]>`
      UPDATE partitions AS p SET owner = ${instanceId}, epoch = epoch + 1,
        group_id = ${claimant?.groupId ?? null}, generation = ${claimant?.generation ?? null}
      FROM json_to_recordset(${given}::text::json) AS given (topic text, partition int)
      WHERE p.topic = given.topic AND p.partition = given.partition
      RETURNING p.*`
  );
  return rows.map((row) => ({
    name: partitionName({ topic: String(row["topic"]), partition: Number(row["partition"]) }),
    epoch: BigInt(String(row["epoch"])),
    state: row["next_offset"] === null ? null : partitionStateOf(row),
  }));
}
