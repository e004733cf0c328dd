import { createHash } from "node:crypto";
import { messageOf } from "../core/errors.ts";
import { type S3Place, s3PlaceText } from "../core/s3_place.ts";
import type { Log } from "../runtime/logs.ts";
import { retry, type Retrying } from "../runtime/retry.ts";
import { S3Error, withAdvice } from "./s3_errors.ts";
import { textOf } from "./s3_xml.ts";

/** Who orilla is to an object store. Never logged, and in no message. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** null for credentials that do not expire. */
  readonly sessionToken: string | null;
}

/** The way to an object store. */
export interface S3Connection {
  readonly place: S3Place;
  /** URL of the store, without bucket. */
  readonly endpoint: string;
  readonly region: string;
  /** Whether the bucket stands in the path of URLs; else in front of the host. */
  readonly isPathStyle: boolean;
  readonly credentials: S3Credentials;
  /** Longest time of one request, milliseconds. */
  readonly timeoutMs: number;
}

/** What a client needs from around it. */
export interface S3Surroundings {
  readonly retrying: Retrying;
  readonly log: Log;
}

export interface S3Request {
  readonly method: "DELETE" | "GET" | "HEAD" | "POST" | "PUT";
  /** The object's key; the bucket itself without one. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

export interface S3Answer {
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same as text. */
  readonly text: () => string;
}

/** The header that names the object which a request copies. */
export const COPY_SOURCE = "x-amz-copy-source";

const decoder = new TextDecoder();

/** Sends signed requests to one bucket (AWS Signature Version 4), and again where a failure may pass. */
export class S3Client {
  readonly place: S3Place;
  readonly #connection: S3Connection;
  readonly #around: S3Surroundings;
  /** Signing keys by day, which aws4fetch keeps there. */
  readonly #keys = new Map<string, ArrayBuffer>();
  /** The store's clock less this machine's, milliseconds; 0 until the store refused over it. */
  #aheadMs = 0;
  #requestCount = 0;

  constructor(connection: S3Connection, around: S3Surroundings) {
    this.place = connection.place;
    this.#connection = connection;
    this.#around = around;
  }

  /** `s3://bucket/prefix`. */
  get location(): string {
    return s3PlaceText(this.place);
  }

  /** Requests sent so far, tries included. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /**
   * Sends a request; again within the retry policy where it may pass.
   *
   * @throws S3Error where the store says no in a way that its caller may expect, OrillaError with exit code 1 where it
   * refuses for good, or for longer than the policy
   */
  async send(request: S3Request): Promise<S3Answer> {
    try {
      return await retry("object_store", this.#around.retrying, () => this.#sendInTime(request));
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      const { region, endpoint } = this.#connection;
      throw withAdvice(error, { location: this.location, region, endpoint });
    }
  }

  /** Once more where the store finds that this machine's clock is wrong, by the clock of its answer. */
  async #sendInTime(request: S3Request): Promise<S3Answer> {
    const signedAheadMs = this.#aheadMs;
    try {
      return await this.#sendOnce(request);
    } catch (error) {
      if (!(error instanceof S3Error) || error.code !== "RequestTimeTooSkewed") throw error;
      // Another request may have learnt the store's time meanwhile.
      if (this.#aheadMs === signedAheadMs) throw error;
      return await this.#sendOnce(request);
    }
  }

  /** One try. */
  async #sendOnce(request: S3Request): Promise<S3Answer> {
    const { method, key = "" } = request;
    const what = `${method} ${key === "" ? "the bucket" : key}`;
    const signed = await this.#sign(request);
    this.#requestCount++;
    let response: Response, bytes: Uint8Array<ArrayBuffer>;
    try {
      response = await fetch(signed.url, {
        method,
        headers: signed.headers,
        redirect: "manual",
        signal: AbortSignal.timeout(this.#connection.timeoutMs),
        ...(request.body && { body: request.body }),
      });
      bytes = new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      throw noAnswer(what, error);
    }
    const answer = { headers: response.headers, bytes, text: () => decoder.decode(bytes) };
    const isWhole = response.status >= 200 && response.status < 300;
    // A long answer begins before it is known whether it succeeds (API reference, CompleteMultipartUpload, UploadPartCopy).
    const isLong = method === "POST" || request.headers?.[COPY_SOURCE] !== undefined;
    const hidesError = isLong && /<Error[\s>]/.test(answer.text());
    if (isWhole && !hidesError) return answer;
    const code = textOf(answer.text(), "Code") ?? `HTTP${response.status}`;
    if (code === "RequestTimeTooSkewed") this.#learnTime(response.headers);
    // An error in an answer that began well is one that the store had meanwhile.
    throw new S3Error(what, { status: isWhole ? 500 : response.status, code: safeCode(code) });
  }

  #learnTime(headers: Headers): void {
    const storeMs = Date.parse(headers.get("date") ?? "");
    const { clock } = this.#around.retrying;
    const aheadMs = storeMs - clock.nowMs();
    if (Number.isNaN(aheadMs) || Math.abs(aheadMs - this.#aheadMs) < 60_000) return;
    this.#aheadMs = aheadMs;
    this.#around.log.warning(
      "the object store refuses this machine's time: its own is taken for requests. Set the clock of this machine, " +
        "which processing_ts and file names go by",
      { waitMs: Math.round(aheadMs) },
    );
  }

  async #sign({ method, key = "", query = {}, headers = {}, body }: S3Request) {
    const { credentials: { accessKeyId, secretAccessKey, sessionToken }, region } = this
      .#connection;
    const url = this.#urlOf(key);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const nowMs = this.#around.retrying.clock.nowMs() + this.#aheadMs;
    const datetime = new Date(nowMs).toISOString().replaceAll(/[:-]|\.\d{3}/g, "");
    const checksum = createHash("sha256").update(body ?? new Uint8Array()).digest("hex");
    // A lake in a folder does not wait for it.
    const { AwsV4Signer } = await import("aws4fetch");
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      // The store checks the bytes that came against this.
      headers: { ...headers, "x-amz-content-sha256": checksum },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== null && { sessionToken }),
      service: "s3",
      region,
      cache: this.#keys,
      datetime,
    });
    return await signer.sign();
  }

  #urlOf(key: string): URL {
    const { endpoint, isPathStyle, place: { bucket } } = this.#connection;
    const url = new URL(endpoint);
    const base = url.pathname.replace(/\/$/, "");
    const path = key.split("/").map(encodeURIComponent).join("/");
    if (!isPathStyle) url.hostname = `${bucket}.${url.hostname}`;
    url.pathname = isPathStyle ? `${base}/${bucket}/${path}` : `${base}/${path}`;
    return url;
  }
}

/** The store's word for an error, where it is one: nothing else of an answer gets into a message. */
function safeCode(code: string): string {
  return /^[\w.-]{1,64}$/.test(code) ? code : "UnknownError";
}

function noAnswer(what: string, error: unknown): S3Error {
  const isLate = error instanceof DOMException && error.name === "TimeoutError";
  // Lasting: the sandbox does not let it through.
  if (error instanceof Deno.errors.NotCapable) throw error;
  const code = isLate ? "Timeout" : `ConnectionFailed (${reasonOf(error)})`;
  return new S3Error(what, { status: 0, code, cause: error });
}

/** The last part of what the system says, without the URL. */
function reasonOf(error: unknown): string {
  const text = messageOf(error);
  return text.slice(text.lastIndexOf("): ") < 0 ? 0 : text.lastIndexOf("): ") + 3).slice(0, 200);
}
