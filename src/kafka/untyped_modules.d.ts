declare module "snappyjs" {
  const SnappyJS: {
    compress(bytes: Uint8Array): Uint8Array;
    uncompress(bytes: Uint8Array): Uint8Array;
  };
  export default SnappyJS;
}
declare module "lz4js" {
  const lz4: {
    compress(bytes: Uint8Array): Uint8Array;
    decompress(bytes: Uint8Array): Uint8Array;
  };
  export default lz4;
}
declare module "kafkajs/src/consumer/consumerGroup.js" {
  export interface Broker {
    isConnected(): boolean;
  }
  export interface Cluster {
    getNodeIds(): readonly number[];
    refreshMetadata(): Promise<void>;
    /** Resolves with a broker that is connected. */
    findGroupCoordinator(of: { readonly groupId: string }): Promise<Broker>;
  }
  export default class ConsumerGroup {
    readonly cluster: Cluster;
    readonly groupId: string;
    coordinator: Broker | null;
    getNodeIds(): readonly number[];
    heartbeat(options: { readonly interval: number }): Promise<void>;
  }
}
declare module "kafkajs/src/consumer/offsetManager/index.js" {
  import type { Broker, Cluster } from "kafkajs/src/consumer/consumerGroup.js";
  export default class OffsetManager {
    readonly cluster: Cluster;
    readonly groupId: string;
    coordinator: Broker | null;
    getCoordinator(): Promise<Broker | null>;
  }
}
declare module "kafkajs/src/protocol/requests/fetch/v11/response.js" {
  import type { Buffer } from "node:buffer";
  const response: { decode: (buffer: Buffer) => Promise<object> };
  export default response;
}
