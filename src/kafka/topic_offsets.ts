import type { Admin } from "kafkajs";
import type { TopicPartition } from "../core/record.ts";
import type { KnownOffsets } from "./positions.ts";

/** A connected client that asks brokers about topics and groups. */
export type AdminClient = Admin;

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

/** A group's committed offset of a partition, and the metadata written with it. */
export type GroupOffset = NonNullable<KnownOffsets["group"]>;

/** A group's committed offsets of a topic, by partition; none where it never committed one. */
export async function groupOffsets(
  admin: Admin,
  { topic, groupId }: { readonly topic: string; readonly groupId: string },
): Promise<ReadonlyMap<number, GroupOffset>> {
  const [ofTopic] = await admin.fetchOffsets({ groupId, topics: [topic] });
  return new Map(
    (ofTopic?.partitions ?? []).filter(({ offset }) => BigInt(offset) >= 0n)
      .map(({ partition, offset, metadata }) => [
        partition,
        { offset: BigInt(offset), metadata: metadata ?? "" },
      ]),
  );
}

/**
 * Connects to the brokers that `knownOffsets` will ask. kafkajs finds them with its first request, and only
 * waits before it tries that one again.
 */
export async function findBrokers(
  admin: Admin,
  { topic, groupId }: { readonly topic: string; readonly groupId: string },
): Promise<void> {
  await admin.fetchTopicMetadata({ topics: [topic] });
  await groupOffsets(admin, { topic, groupId });
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
  const ofGroup = await groupOffsets(admin, { topic, groupId });
  const bounds = await logBounds(admin, topic);
  return bounds.map((bound) => ({
    ...bound,
    checkpoint: checkpointOf(bound) ?? null,
    group: ofGroup.get(bound.partition) ?? null,
  }));
}
