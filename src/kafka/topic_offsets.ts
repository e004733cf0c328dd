import type { Admin } from "kafkajs";
import type { TopicPartition } from "../core/record.ts";
import type { KnownOffsets } from "./positions.ts";

/** Where the log of a partition starts and ends. */
export interface LogBounds extends TopicPartition {
  readonly logStart: bigint;
  readonly logEnd: bigint;
}

/** The bounds of all partitions of a topic. */
export async function logBounds(admin: Admin, topic: string): Promise<readonly LogBounds[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets.map(({ partition, low, high }) => ({
    topic,
    partition,
    logStart: BigInt(low),
    logEnd: BigInt(high),
  }));
}

/**
 * What is known about all partitions of a topic, except the checkpoint's part.
 *
 * @param checkpointOf the checkpoint's next offset of a partition
 */
export async function knownOffsets(
  admin: Admin,
  { topic, groupId }: { readonly topic: string; readonly groupId: string },
  checkpointOf: (at: TopicPartition) => bigint | undefined,
): Promise<readonly KnownOffsets[]> {
  // In this order: another member may go on meanwhile, and an offset of it must not lie beyond the log's end.
  const [ofTopic] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const bounds = await logBounds(admin, topic);
  return bounds.map((bound) => {
    const committed = ofTopic?.partitions.find(({ partition }) => partition === bound.partition);
    const offset = BigInt(committed?.offset ?? -1);
    const metadata = committed?.metadata ?? "";
    return {
      ...bound,
      checkpoint: checkpointOf(bound) ?? null,
      group: offset < 0n ? null : { offset, metadata },
    };
  });
}
