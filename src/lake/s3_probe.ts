import { operatingError } from "../core/errors.ts";
import { isNoSuchUpload, isTaken, type S3Bucket } from "./s3_bucket.ts";

/** The one object that orilla puts below the prefix beside the lake's files; it stays there. */
export const PROBE_OBJECT = "_orilla_probe";

const BODY = new TextEncoder().encode("orilla tries here whether this store keeps what is there\n");
/** A start beside this one drops the upload of its probe too. */
const ROUNDS = 3;

/**
 * Tries whether the store refuses to write over an object, by a put and by a multipart upload. One that passes over
 * If-None-Match without a word would let a published file be replaced.
 *
 * @throws OrillaError with exit code 1 where it does not refuse
 */
export async function probeConditionalWrites(bucket: S3Bucket): Promise<void> {
  const { client: { location, place: { prefix } } } = bucket;
  const key = `${prefix}${PROBE_OBJECT}`;
  await isRefused(() => bucket.putIfAbsent(key, BODY));
  if (!await isRefused(() => bucket.putIfAbsent(key, BODY))) throw replaces(location, "PutObject");
  for (let round = 1; !await isUploadRefused(bucket, key); round++) {
    if (round === ROUNDS) {
      throw operatingError(`${location}: multipart uploads are dropped at once`);
    }
  }
}

async function isRefused(write: () => Promise<void>): Promise<boolean> {
  try {
    await write();
    return false;
  } catch (error) {
    if (isTaken(error)) return true;
    throw error;
  }
}

/** @returns false where the upload was dropped from outside, so that it told nothing */
async function isUploadRefused(bucket: S3Bucket, key: string): Promise<boolean> {
  const upload = { key, uploadId: await bucket.createUpload(key) };
  try {
    const part = await bucket.uploadPart(upload, { number: 1, body: BODY });
    if (await isRefused(() => bucket.completeUpload(upload, [part]))) return true;
  } catch (error) {
    if (isNoSuchUpload(error)) return false;
    throw error;
  } finally {
    await bucket.abortUpload(upload);
  }
  throw replaces(bucket.client.location, "CompleteMultipartUpload");
}

function replaces(location: string, operation: string): Error {
  return operatingError(
    `${location}: the store writes over an object in spite of If-None-Match (${operation}). A published file could be ` +
      `replaced there, so orilla does not write to it. Use a store that honours conditional writes`,
  );
}
