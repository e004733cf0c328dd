/** Where a lake lies in an object store. */
export interface S3Place {
  readonly bucket: string;
  /** What the keys of all its objects begin with: empty, or with a slash at its end. */
  readonly prefix: string;
}

/** What `parseS3Place` takes, in words. */
export const S3_PLACE_FORM =
  "s3://BUCKET or s3://BUCKET/PREFIX (a prefix of letters, digits and any of !-_.*'()=+@:, with single slashes)";

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const SEGMENT = /^[\w!.*'()=+@:,-]+$/;

/** Whether a text means a place in an object store, well-formed or not. */
export function meansS3(text: string): boolean {
  return /^s3:/i.test(text);
}

/** Reads `s3://bucket/prefix`; null where it is not of that form. */
export function parseS3Place(text: string): S3Place | null {
  const [, bucket = "", path = ""] = /^s3:\/\/([^/]*)(?:\/(.*?)\/?)?$/s.exec(text) ?? [];
  const segments = path === "" ? [] : path.split("/");
  // A URL would not keep dots as they are.
  const areWhole = segments.every((part) => SEGMENT.test(part) && part !== "." && part !== "..");
  if (!BUCKET.test(bucket) || bucket.includes("..") || !areWhole) return null;
  return { bucket, prefix: segments.map((part) => `${part}/`).join("") };
}

/** `s3://bucket/prefix`, without a slash at its end. */
export function s3PlaceText({ bucket, prefix }: S3Place): string {
  return `s3://${bucket}/${prefix}`.replace(/\/$/, "");
}
