import ConsumerGroup from "kafkajs/src/consumer/consumerGroup.js";
import OffsetManager from "kafkajs/src/consumer/offsetManager/index.js";

interface Broker {
  isConnected(): boolean;
}

interface Cluster {
  /** Resolves with a broker that is connected. */
  findGroupCoordinator(of: { readonly groupId: string }): Promise<Broker>;
}

/** What of kafkajs talks to a group's coordinator. */
interface Follower {
  readonly cluster: Cluster;
  readonly groupId: string;
  /** null before the group was joined. */
  coordinator: Broker | null;
}

interface Member extends Follower {
  heartbeat(options: { readonly interval: number }): Promise<void>;
}

interface MemberOffsets extends Follower {
  getCoordinator(): Promise<Broker | null>;
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
  const member: Member = ConsumerGroup.prototype;
  const { heartbeat } = member;
  member.heartbeat = async function (options) {
    await follow(this);
    await heartbeat.call(this, options);
  };
  const offsets: MemberOffsets = OffsetManager.prototype;
  offsets.getCoordinator = async function () {
    await follow(this);
    return this.coordinator;
  };
}

async function follow(follower: Follower): Promise<void> {
  const { cluster, groupId, coordinator } = follower;
  if (coordinator === null || coordinator.isConnected()) return;
  const search = searches.get(cluster) ?? searchFor({ cluster, groupId });
  follower.coordinator = await search;
}

function searchFor({ cluster, groupId }: Pick<Follower, "cluster" | "groupId">): Promise<Broker> {
  const search = cluster.findGroupCoordinator({ groupId })
    .finally(() => searches.delete(cluster));
  searches.set(cluster, search);
  return search;
}
