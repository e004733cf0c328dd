import { mapAtOnce } from "../runtime/at_once.ts";
import type { PendingUpload, S3Bucket, UploadedPart } from "./s3_bucket.ts";

/** Bytes of a part but the last: the store copies several of them at a time. */
const PART_BYTES = 32 << 20;
const AT_ONCE = 8;

/**
 * Has the store copy an object into the parts of an upload, which are in their order then; no byte of it comes by here.
 *
 * @param from key of an object of `bytes` bytes, at least one
 */
export async function copyInParts(
  bucket: S3Bucket,
  upload: PendingUpload,
  { from, bytes }: { readonly from: string; readonly bytes: number },
): Promise<readonly UploadedPart[]> {
  const parts = Array.from({ length: Math.ceil(bytes / PART_BYTES) }, (_, index) => {
    const start = index * PART_BYTES;
    return { number: index + 1, from, start, end: Math.min(bytes, start + PART_BYTES) };
  });
  return await mapAtOnce(parts, AT_ONCE, (part) => bucket.copyPart(upload, part));
}
