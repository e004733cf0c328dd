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
  export interface Cluster {
    getNodeIds(): readonly number[];
    refreshMetadata(): Promise<void>;
  }
  export default class ConsumerGroup {
    readonly cluster: Cluster;
    getNodeIds(): readonly number[];
  }
}
declare module "kafkajs/src/protocol/requests/fetch/v11/response.js" {
  import type { Buffer } from "node:buffer";
  const response: { decode: (buffer: Buffer) => Promise<object> };
  export default response;
}
