import { S3Bucket } from "../../src/lake/s3_bucket.ts";
import { S3Client, type S3Connection, type S3Surroundings } from "../../src/lake/s3_client.ts";
import { takePortBlock } from "../kafka/ports.ts";
import { scratchFolder } from "../crash/lake_run.ts";
import { serverCommand } from "./s3_case.ts";

/** Who tests are to their server. */
export const CREDENTIALS = {
  accessKeyId: "ORILLATESTKEY",
  secretAccessKey: "orilla-test-secret-0123456789",
  sessionToken: null,
} as const;

/** The environment that gives them to orilla. */
export const CREDENTIALS_ENV = {
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
} as const;

/** A running S3 server, which ends when it is disposed. */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  /** Makes a bucket with a name of its own. */
  newBucket(): Promise<string>;
}

const WAIT_MS = 20_000;

/** Starts a server with nothing in it. */
export async function startS3Server(): Promise<S3Server> {
  const ports = takePortBlock();
  const folder = await scratchFolder();
  const port = ports.first;
  const [program, args] = serverCommand(["run", String(port), folder]);
  const server = new Deno.Command(program, {
    args: [...args],
    env: { ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId, ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const endpoint = `http://127.0.0.1:${port}`;
  const end = async () => {
    server.kill("SIGKILL");
    await server.status;
    ports[Symbol.dispose]();
    await Deno.remove(folder, { recursive: true });
  };
  await untilListening(port).catch(async (error) => {
    await end();
    throw error;
  });
  return { endpoint, port, newBucket: () => newBucket(endpoint), [Symbol.asyncDispose]: end };
}

async function untilListening(port: number): Promise<void> {
  for (const startMs = performance.now();;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() - startMs > WAIT_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function newBucket(endpoint: string): Promise<string> {
  const bucket = `lake-${crypto.randomUUID().slice(0, 8)}`;
  await bucketAt({ endpoint, place: { bucket, prefix: "" } }).client.send({ method: "PUT" });
  return bucket;
}

const silent = () => {};

/** A bucket through a client of orilla's; what is not given is as it suits tests. */
export function bucketAt(
  connection: Pick<S3Connection, "endpoint" | "place"> & Partial<S3Connection>,
  around: Partial<S3Surroundings["retrying"]> & { readonly log?: S3Surroundings["log"] } = {},
): S3Bucket {
  const { log = { debug: silent, info: silent, warning: silent, error: silent }, ...retrying } =
    around;
  return new S3Bucket(
    new S3Client({
      region: "us-east-1",
      isPathStyle: true,
      timeoutMs: 10_000,
      credentials: CREDENTIALS,
      ...connection,
    }, {
      log,
      retrying: {
        policy: { attempts: 5, baseMs: 1, capMs: 2, budgetMs: 60_000 },
        clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
        random: () => 0.5,
        sleep: () => Promise.resolve(),
        onRetry: () => {},
        ...retrying,
      },
    }),
  );
}
