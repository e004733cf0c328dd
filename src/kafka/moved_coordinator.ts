import ConsumerGroup, { type Broker, type Cluster } from "kafkajs/src/consumer/consumerGroup.js";
import OffsetManager from "kafkajs/src/consumer/offsetManager/index.js";

/** What of kafkajs talks to a group's coordinator. */
interface Follower {
  readonly cluster: Cluster;
  readonly groupId: string;
  /** null before the group was joined. */
  coordinator: Broker | null;
}

/** Searches that are under way: heartbeats go on meanwhile, and must not each begin one. */
const searches = new WeakMap<Cluster, Promise<Broker>>();
let isPatched = false;

/**
 * Makes kafkajs's group members look for the group's coordinator where the connection to it is lost: when its
 * broker dies, another one takes the group over, members included. Left to itself kafkajs turns to the dead
 * one until it joins the group anew, which it does between two handlers; but a handler that waits for a commit
 * goes on when the coordinator has accepted its heartbeat, or its offsets.
 */
export function followMovedCoordinators(): void {
  if (isPatched) return;
  isPatched = true;
  const { heartbeat } = ConsumerGroup.prototype;
  ConsumerGroup.prototype.heartbeat = async function (options) {
    await follow(this);
    await heartbeat.call(this, options);
  };
  OffsetManager.prototype.getCoordinator = async function () {
    await follow(this);
    return this.coordinator;
  };
}

async function follow(follower: Follower): Promise<void> {
  const { cluster, groupId, coordinator } = follower;
  if (coordinator === null || coordinator.isConnected()) return;
  let search = searches.get(cluster);
  if (search === undefined) {
    search = cluster.findGroupCoordinator({ groupId }).finally(() => searches.delete(cluster));
    searches.set(cluster, search);
  }
  follower.coordinator = await search;
}
