import ConsumerGroup, { type Cluster } from "kafkajs/src/consumer/consumerGroup.js";

/** Looks for brokers that are under way. */
const searches = new WeakSet<Cluster>();

/**
 * Makes kafkajs's group members look for brokers when they know none. Left to itself a member then gives up
 * and leaves the group (KafkaJSNoBrokerAvailableError), which happens each time a broker that stands alone is
 * restarted: what was just committed could no longer be acknowledged, and the next owner of its partitions
 * would publish it again.
 */
export function keepMembersWithoutBrokers(): void {
  ConsumerGroup.prototype.getNodeIds = function (): readonly number[] {
    const { cluster } = this;
    const nodeIds = cluster.getNodeIds();
    if (nodeIds.length > 0) return nodeIds;
    if (!searches.has(cluster)) {
      searches.add(cluster);
      const end = () => void searches.delete(cluster);
      // Whether it found some is seen by the next call.
      cluster.refreshMetadata().then(end, end);
    }
    throw new Error("no broker is known; looking for one");
  };
}
