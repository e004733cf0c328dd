import { type BucketLake, withCheckpointDir } from "./bucket_lake.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "./fault_proxy.ts";
import { bucketAt, type S3Server } from "./s3_server.ts";

/** What an object store, or the way to it, may do for a moment. */
export const PASSING: readonly Fault[] = [
  { kind: "answer", status: 500, code: "InternalError" },
  { kind: "answer", status: 503, code: "SlowDown" },
  { kind: "cut", when: "before" },
  { kind: "cut", when: "after" },
  { kind: "cut", when: "midway" },
  { kind: "hang", when: "before" },
  { kind: "hang", when: "after" },
];

/** A lake in a bucket that is reached through a proxy. */
export interface FaultyLake extends BucketLake {
  readonly proxy: FaultProxy;
  /** The same lake, past the proxy. */
  readonly direct: BucketLake;
  readonly retries: readonly string[];
}

/** Gives the action an empty lake behind a proxy. */
export async function withFaultyLake(
  server: S3Server,
  action: (lake: FaultyLake) => Promise<void>,
  attempts = 5,
): Promise<void> {
  await using proxy = startFaultProxy(server.port);
  const place = { bucket: await server.newBucket(), prefix: "lake/" };
  await withCheckpointDir(async (checkpointDir) => {
    const retries: string[] = [];
    const bucket = bucketAt({ endpoint: proxy.endpoint, place, timeoutMs: 250 }, {
      policy: { attempts, baseMs: 1, capMs: 2, budgetMs: 120_000 },
      onRetry: (operation, error) => void retries.push(`${operation}: ${error}`),
    });
    const direct = { bucket: bucketAt({ endpoint: server.endpoint, place }), checkpointDir };
    await action({ bucket, checkpointDir, proxy, direct, retries });
  });
}
