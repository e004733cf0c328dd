import { operatingError } from "../core/errors.ts";
import { isNoSuchUpload, isTaken, type S3Bucket } from "./s3_bucket.ts";

/** The one object that orilla puts below the prefix beside the lake's files; it stays there. */
export const PROBE_OBJECT = "_orilla_probe";

const BODY = new TextEncoder().encode("orilla tries here whether this store keeps what is there\n");
/** A try may tell nothing where another process starts beside this one. */
const ROUNDS = 3;

/**
 * What became of a write that must be refused. It is dropped where another start gave up the upload. And it replaces what
 * is there, now and then, also on a gateway in front of a file system that knows If-None-Match, while several begin in an
 * empty bucket: there the object is gone for a moment when two write it for the first time.
 */
type Outcome = "refused" | "replaced" | "dropped";

/**
 * Tries whether the store refuses to write over an object, by a put and by a multipart upload. One that passes over
 * If-None-Match without a word would let a published file be replaced.
 *
 * @throws OrillaError with exit code 1 where it does not refuse, however often it is tried
 */
export async function probeConditionalWrites(bucket: S3Bucket): Promise<void> {
  const key = `${bucket.client.place.prefix}${PROBE_OBJECT}`;
  const put = () => outcomeOf(() => bucket.putIfAbsent(key, BODY));
  await put();
  await expectRefused(bucket, "PutObject", put);
  await expectRefused(bucket, "CompleteMultipartUpload", () => upload(bucket, key));
}

async function expectRefused(
  { client: { location } }: S3Bucket,
  operation: string,
  write: () => Promise<Outcome>,
): Promise<void> {
  let outcome: Outcome = "dropped";
  for (let round = 0; round < ROUNDS; round++) {
    outcome = await write();
    if (outcome === "refused") return;
  }
  if (outcome === "dropped") {
    throw operatingError(`${location}: multipart uploads are dropped at once`);
  }
  throw operatingError(
    `${location}: the store writes over an object in spite of If-None-Match (${operation}). A published file could be ` +
      `replaced there, so orilla does not write to it. Use a store that honours conditional writes`,
  );
}

async function outcomeOf(write: () => Promise<void>): Promise<Outcome> {
  try {
    await write();
    return "replaced";
  } catch (error) {
    if (isTaken(error)) return "refused";
    if (isNoSuchUpload(error)) return "dropped";
    throw error;
  }
}

async function upload(bucket: S3Bucket, key: string): Promise<Outcome> {
  const begun = { key, uploadId: await bucket.createUpload(key) };
  try {
    return await outcomeOf(async () => {
      const part = await bucket.uploadPart(begun, { number: 1, body: BODY });
      await bucket.completeUpload(begun, [part]);
    });
  } finally {
    await bucket.abortUpload(begun);
  }
}
