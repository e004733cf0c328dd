import { COPY_SOURCE, type S3Answer, type S3Client } from "./s3_client.ts";
import { S3Error } from "./s3_errors.ts";
import { elementsOf, escapeXml, textOf } from "./s3_xml.ts";

/** A part of a multipart upload. */
export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
  readonly bytes: number;
}

/** A multipart upload that is neither completed nor aborted. */
export interface PendingUpload {
  readonly key: string;
  readonly uploadId: string;
}

type Query = Readonly<Record<string, string>>;

/** Whether a failure is the store's word for one of these. */
function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof S3Error && codes.includes(error.code);
}

/** Whether there is no such upload (any more). */
export function isNoSuchUpload(error: unknown): boolean {
  return isCode(error, "NoSuchUpload");
}

/** Whether an object of that key is there already. */
export function isTaken(error: unknown): boolean {
  return isCode(error, "PreconditionFailed", "HTTP412");
}

/** Whether there is no such object. */
export function isNotFound(error: unknown): boolean {
  return isCode(error, "NoSuchKey", "HTTP404", "NotFound");
}

/** The operations of S3 that orilla uses, on one bucket. Keys are whole ones. */
export class S3Bucket {
  readonly client: S3Client;

  constructor(client: S3Client) {
    this.client = client;
  }

  /** Bytes of an object, null where there is none. */
  async size(key: string): Promise<number | null> {
    try {
      const { headers } = await this.client.send({ method: "HEAD", key });
      return Number(headers.get("content-length"));
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /** An object as a whole, null where there is none. */
  async get(key: string): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      return (await this.client.send({ method: "GET", key })).bytes;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /** Bytes of an object from `start` up to, not including, `end`. Throws where it has fewer, or is not there. */
  async getRange(
    key: string,
    { start, end }: { readonly start: number; readonly end: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (start === end) return new Uint8Array(0);
    const headers = { range: `bytes=${start}-${end - 1}` };
    const { bytes } = await this.client.send({ method: "GET", key, headers });
    if (bytes.length !== end - start) throw new Error(`${key} ends before byte ${end}`);
    return bytes;
  }

  /** Puts an object unless there is one of that key; else it throws what `isTaken` knows. */
  async putIfAbsent(key: string, body: Uint8Array): Promise<void> {
    const headers = { "if-none-match": "*" };
    await this.client.send({ method: "PUT", key, headers, body: Uint8Array.from(body) });
  }

  /** Removes an object; one that is gone already is fine. */
  async remove(key: string): Promise<void> {
    try {
      await this.client.send({ method: "DELETE", key });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /**
   * Keys that begin with a prefix, in their order.
   *
   * @param delimiter where given, keys with it behind the prefix stand there once, up to it
   */
  async list(prefix: string, delimiter?: string): Promise<string[]> {
    const keys: string[] = [];
    for (let token: string | null = ""; token !== null;) {
      const { text }: S3Answer = await this.client.send({
        method: "GET",
        query: {
          "list-type": "2",
          "encoding-type": "url",
          prefix,
          ...(delimiter !== undefined && { delimiter }),
          ...(token !== "" && { "continuation-token": token }),
        },
      });
      const xml = text();
      for (const found of elementsOf(xml, "Contents")) keys.push(keyIn(xml, found, "Key"));
      for (const found of elementsOf(xml, "CommonPrefixes")) keys.push(keyIn(xml, found, "Prefix"));
      token = textOf(xml, "IsTruncated") === "true" ? textOf(xml, "NextContinuationToken") : null;
    }
    return keys.sort();
  }

  /** @returns the upload's id */
  async createUpload(key: string): Promise<string> {
    const { text } = await this.client.send({ method: "POST", key, query: { uploads: "" } });
    const uploadId = textOf(text(), "UploadId");
    if (uploadId !== null && uploadId !== "") return uploadId;
    throw new S3Error(`POST ${key}`, { status: 500, code: "NoUploadId" });
  }

  async uploadPart(
    { key, uploadId }: PendingUpload,
    { number, body }: { readonly number: number; readonly body: Uint8Array<ArrayBuffer> },
  ): Promise<UploadedPart> {
    const query = { partNumber: String(number), uploadId };
    const { headers } = await this.client.send({ method: "PUT", key, query, body });
    return { number, etag: headers.get("etag") ?? "", bytes: body.length };
  }

  /** Makes the bytes of an object from `start` up to, not including, `end` a part of an upload. */
  async copyPart(
    { key, uploadId }: PendingUpload,
    { number, from, start, end }: {
      readonly number: number;
      readonly from: string;
      readonly start: number;
      readonly end: number;
    },
  ): Promise<UploadedPart> {
    const path = from.split("/").map(encodeURIComponent).join("/");
    const { text } = await this.client.send({
      method: "PUT",
      key,
      query: { partNumber: String(number), uploadId },
      headers: {
        [COPY_SOURCE]: `/${this.client.place.bucket}/${path}`,
        "x-amz-copy-source-range": `bytes=${start}-${end - 1}`,
      },
    });
    return { number, etag: textOf(text(), "ETag") ?? "", bytes: end - start };
  }

  /** The parts of an upload, null where there is no such upload. */
  async listParts({ key, uploadId }: PendingUpload): Promise<UploadedPart[] | null> {
    const parts: UploadedPart[] = [];
    for (let marker: string | null = "0"; marker !== null;) {
      let xml: string;
      try {
        const query = { uploadId, ...(marker !== "0" && { "part-number-marker": marker }) };
        xml = (await this.client.send({ method: "GET", key, query })).text();
      } catch (error) {
        if (isNoSuchUpload(error) || isNotFound(error)) return null;
        throw error;
      }
      for (const part of elementsOf(xml, "Part")) {
        const number = Number(textOf(part, "PartNumber"));
        parts.push({
          number,
          etag: textOf(part, "ETag") ?? "",
          bytes: Number(textOf(part, "Size")),
        });
      }
      marker = textOf(xml, "IsTruncated") === "true" ? textOf(xml, "NextPartNumberMarker") : null;
    }
    return parts;
  }

  /** Makes an upload an object, unless there is one of that key; else it throws what `isTaken` knows. */
  async completeUpload(
    { key, uploadId }: PendingUpload,
    parts: readonly UploadedPart[],
  ): Promise<void> {
    const listed = parts.map(({ number, etag }) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`
    );
    const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      listed.join("")
    }</CompleteMultipartUpload>`;
    await this.client.send({
      method: "POST",
      key,
      query: { uploadId },
      headers: { "if-none-match": "*", "content-type": "application/xml" },
      body: new TextEncoder().encode(xml),
    });
  }

  /** Forgets an upload and its parts; one that is gone already is fine. */
  async abortUpload({ key, uploadId }: PendingUpload): Promise<void> {
    try {
      await this.client.send({ method: "DELETE", key, query: { uploadId } });
    } catch (error) {
      if (!isNoSuchUpload(error) && !isNotFound(error)) throw error;
    }
  }

  /** Uploads under way, of keys that begin with a prefix. */
  async listUploads(prefix: string): Promise<PendingUpload[]> {
    const uploads: PendingUpload[] = [];
    let marker: Query | null = {};
    while (marker !== null) {
      const query: Query = { uploads: "", "encoding-type": "url", prefix, ...marker };
      const xml: string = (await this.client.send({ method: "GET", query })).text();
      for (const upload of elementsOf(xml, "Upload")) {
        const key = keyIn(xml, upload, "Key");
        uploads.push({ key, uploadId: textOf(upload, "UploadId") ?? "" });
      }
      const isMore = textOf(xml, "IsTruncated") === "true";
      marker = isMore
        ? {
          "key-marker": keyIn(xml, xml, "NextKeyMarker"),
          "upload-id-marker": textOf(xml, "NextUploadIdMarker") ?? "",
        }
        : null;
    }
    return uploads.filter(({ key }) => key.startsWith(prefix));
  }
}

/** A key in a part of an answer, percent-encoded (with + for a space) where the answer says so: some stores do not. */
function keyIn(answer: string, part: string, name: string): string {
  const key = textOf(part, name) ?? "";
  const isEncoded = textOf(answer, "EncodingType") === "url";
  return isEncoded ? decodeURIComponent(key.replaceAll("+", " ")) : key;
}
