import { createHash } from "node:crypto";
import { damagedError } from "../core/errors.ts";
import { finalPathOf, STAGING_FOLDER } from "../core/lake_path.ts";
import { mapAtOnce } from "../runtime/at_once.ts";
import { type FaultHooks, operate, type OperationLabel } from "../runtime/operations.ts";
import { copyInParts } from "./s3_copy.ts";
import {
  isNoSuchUpload,
  isNotFound,
  isTaken,
  type PendingUpload,
  type S3Bucket,
  type UploadedPart,
} from "./s3_bucket.ts";
import { PROBE_OBJECT, probeConditionalWrites } from "./s3_probe.ts";
import { GrowingUpload, PART_BYTES } from "./s3_growing_upload.ts";
import {
  isStagedObject,
  isUploading,
  stagedPathFor,
  stagedUploadOf,
  uploadPath,
  withoutHandle,
} from "./s3_staged_path.ts";
import { type FileToPublish, type GrowingStage, type LakeStorage, StillStaged } from "./storage.ts";

/** Bytes read at a time for a checksum. */
const PIECE_BYTES = 8 << 20;
/** Files staged or published at the same time: it is the way to the store that takes the time. */
const AT_ONCE = 8;
/** Removals carry nothing, and readers see the rows of merged files twice until the last of them is done. */
const REMOVED_AT_ONCE = 32;
/** A gateway in front of a file system shows neither upload nor object while another process completes it. */
const APPEARING_MS = [50, 150, 400, 900];

/**
 * A lake in a bucket. A file is staged as a multipart upload that is not completed: its parts are durable, and nobody
 * sees it. Completing it publishes it as a whole, under the condition that there is no such object. A merged file, whose
 * name is not known before it is whole, is staged as an object in `_staging/`, of which the store makes a copy.
 */
export class S3Storage implements LakeStorage {
  readonly stagesAtOnce = AT_ONCE;
  readonly hasOneWriter = false;
  readonly readsStaged = false;
  readonly #bucket: S3Bucket;
  readonly #prefix: string;
  readonly #hooks: FaultHooks;
  /** What this process staged and did not publish yet, by the path it was staged under. */
  readonly #staged = new Map<string, PendingUpload & { readonly parts: UploadedPart[] }>();

  constructor(bucket: S3Bucket, hooks: FaultHooks) {
    this.#bucket = bucket;
    this.#prefix = bucket.client.place.prefix;
    this.#hooks = hooks;
  }

  get location(): string {
    return this.#bucket.client.location;
  }

  absolute(path: string): string {
    return path === "." ? this.location : `${this.location}/${path}`;
  }

  prepare(): Promise<void> {
    return probeConditionalWrites(this.#bucket);
  }

  async stage(path: string, bytes: Uint8Array): Promise<string> {
    const upload = await this.#begin(path, finalPathOf(path));
    await this.#operate("stage:write", path, async () => {
      const whole = bytes.subarray(0, this.#hooks.written("stage:write", path, bytes.length));
      // An object without bytes has one part all the same.
      for (let from = 0; from === 0 || from < whole.length; from += PART_BYTES) {
        const body = Uint8Array.from(whole.subarray(from, from + PART_BYTES));
        const number = from / PART_BYTES + 1;
        upload.parts.push(await this.#bucket.uploadPart(upload, { number, body }));
      }
    });
    return uploadPath({ path: finalPathOf(path), uploadId: upload.uploadId });
  }

  async stageMerged(path: string): Promise<GrowingStage> {
    const upload = await this.#begin(path, path);
    return new GrowingUpload({
      upload: (part) =>
        this.#operate("compact:write", path, async () => {
          const body = part.slice(0, this.#hooks.written("compact:write", path, part.length));
          const number = upload.parts.length + 1;
          upload.parts.push(await this.#bucket.uploadPart(upload, { number, body }));
        }),
      finish: () => this.#operate("compact:fsync", path, () => this.#makeObject(path, upload)),
    });
  }

  /** Parts are durable once the store has answered. */
  syncStaged(): Promise<void> {
    return Promise.resolve();
  }

  async publish(manifest: readonly FileToPublish[]): Promise<void> {
    // All of them are looked at first: of a commit that is damaged nothing becomes visible.
    const found = await mapAtOnce(manifest, AT_ONCE, async (file) => {
      const isObject = isStagedObject(file.stagedPath);
      return { file, staged: await (isObject ? this.#isStagedWhole(file) : this.#partsOf(file)) };
    });
    await mapAtOnce(found, AT_ONCE, async ({ file, staged }) => {
      if (staged === true) await this.#publishObject(file);
      else if (staged !== null) await this.#publishUpload(file, staged);
    });
  }

  async publishUnlisted(stagedPaths: readonly string[]): Promise<void> {
    for (const stagedPath of stagedPaths) {
      const upload = this.#uploadOf(stagedPath);
      const parts = await this.#bucket.listParts(upload) ?? [];
      // One without parts was begun again after its answer was lost.
      const isLeft = parts.length === 0 || !await this.#complete(stagedPath, upload, parts);
      if (isLeft) await this.#abort(stagedPath, upload);
    }
  }

  async dropStaged(stagedPaths: readonly string[]): Promise<void> {
    for (const path of stagedPaths) {
      // Of one that was not finished its stager knows no more than the path, of one not begun there is nothing.
      const upload = isUploading(path) ? this.#uploadOf(path) : this.#staged.get(path);
      if (upload !== undefined) await this.#abort(path, upload);
      if (isStagedObject(path)) await this.#removeStaged(path, "recover:remove");
    }
  }

  async recover(
    unpublished: readonly FileToPublish[],
    mayDrop: (stagedName: string) => boolean = () => true,
  ) {
    await this.publish(unpublished);
    const leftovers = (await this.list(STAGING_FOLDER)).filter(mayDrop);
    await this.dropStaged(leftovers.map((name) => `${STAGING_FOLDER}/${name}`));
    for (const upload of await this.#bucket.listUploads(this.#key(PROBE_OBJECT))) {
      await this.#bucket.abortUpload(upload);
    }
    return { publishedCount: unpublished.length, deletedCount: leftovers.length };
  }

  async removePublished(
    paths: readonly string[],
    { remove }: { readonly remove: OperationLabel },
  ): Promise<void> {
    await mapAtOnce(paths, REMOVED_AT_ONCE, (path) => {
      return this.#operate(remove, path, () => this.#bucket.remove(this.#key(path)));
    });
  }

  async putIfAbsent(path: string, bytes: Uint8Array, label: OperationLabel): Promise<boolean> {
    try {
      await this.#operate(label, path, () => this.#bucket.putIfAbsent(this.#key(path), bytes));
      return true;
    } catch (error) {
      if (!isTaken(error)) throw error;
      // It may be what this call put there itself, in a try whose answer was lost.
      const there = await this.#bucket.get(this.#key(path));
      return there !== null && there.length === bytes.length &&
        there.every((byte, at) => byte === bytes[at]);
    }
  }

  /** Names in a folder; those in `_staging` are uploads under way too, as staged paths name them. */
  async list(folder: string): Promise<readonly string[]> {
    const names = await this.#listObjects(folder);
    if (folder !== STAGING_FOLDER) return names;
    const uploads = (await this.#bucket.listUploads(this.#prefix)).map(({ key, uploadId }) => {
      return uploadPath({ path: this.#path(key), uploadId }).slice(STAGING_FOLDER.length + 1);
    });
    return [...names, ...uploads].sort();
  }

  async #listObjects(folder: string): Promise<readonly string[]> {
    const prefix = folder === "." ? this.#prefix : `${this.#key(folder)}/`;
    return (await this.#bucket.list(prefix, "/"))
      .map((key) => key.slice(prefix.length).replace(/\/$/, "")).filter((name) => name !== "");
  }

  async listByPrefix(prefix: string): Promise<readonly string[]> {
    return (await this.#bucket.list(this.#key(prefix))).map((key) => this.#path(key));
  }

  async exists(path: string): Promise<boolean> {
    return await this.size(path) !== null;
  }

  async size(path: string): Promise<number | null> {
    if (!isUploading(path)) return await this.#bucket.size(this.#key(path));
    const parts = await this.#bucket.listParts(this.#uploadOf(path));
    return parts && bytesOf(parts);
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.readIfThere(path);
    if (bytes !== null) return bytes;
    throw new Error(`${this.absolute(path)} is not there`);
  }

  async readRange(
    path: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (isUploading(path)) throw new StillStaged(finalPathOf(path));
    return await this.#bucket.getRange(this.#key(path), range);
  }

  async checksum(path: string): Promise<string> {
    const bytes = await this.size(path);
    if (bytes === null) throw new Error(`${this.absolute(path)} is not there`);
    const hash = createHash("sha256");
    for (let start = 0; start < bytes; start += PIECE_BYTES) {
      hash.update(
        await this.readRange(path, { start, end: Math.min(bytes, start + PIECE_BYTES) }),
      );
    }
    return hash.digest("hex");
  }

  async readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
    if (!isUploading(path)) return await this.#bucket.get(this.#key(path));
    if (await this.exists(path)) throw new StillStaged(finalPathOf(path));
    return null;
  }

  /**
   * The parts of a file that is staged as an upload; null where its object is there.
   *
   * @throws OrillaError with exit code 3 where it is neither, or not whole
   */
  async #partsOf(file: FileToPublish): Promise<readonly UploadedPart[] | null> {
    const { stagedPath, finalPath, bytes } = file;
    const parts = this.#staged.get(withoutHandle(stagedPath))?.parts ??
      await this.#bucket.listParts(this.#uploadOf(stagedPath));
    if (parts === null) {
      await this.#assertPublished(file);
      return null;
    }
    if (bytesOf(parts) === bytes) return parts;
    throw damagedError(
      `${finalPath} was committed, but is not there, and its upload has ${
        bytesOf(parts)
      } bytes instead of ` +
        `${bytes}. Make a new checkpoint from what is there: orilla rebuild`,
    );
  }

  async #publishUpload(file: FileToPublish, parts: readonly UploadedPart[]): Promise<void> {
    const { stagedPath } = file;
    const upload = this.#uploadOf(stagedPath);
    if (!await this.#complete(stagedPath, upload, parts)) {
      await this.#assertPublished(file);
      await this.#abort(stagedPath, upload);
    }
    this.#staged.delete(withoutHandle(stagedPath));
  }

  /**
   * Whether a file is staged as an object; null where it is published.
   *
   * @throws OrillaError with exit code 3 where it is neither
   */
  async #isStagedWhole(file: FileToPublish): Promise<true | null> {
    if (await this.size(file.stagedPath) === file.bytes) return true;
    await this.#assertPublished(file);
    return null;
  }

  /** Of a file that is staged as an object the store makes a copy, unless it did that before. */
  async #publishObject(file: FileToPublish): Promise<void> {
    const isThere = await this.exists(file.finalPath);
    if (isThere || !await this.#copy(file)) await this.#assertPublished(file);
    await this.#removeStaged(file.stagedPath, "publish:unlink");
  }

  /** @returns false where another process was faster */
  async #copy({ stagedPath, finalPath, bytes }: FileToPublish): Promise<boolean> {
    const path = stagedPathFor(finalPath);
    const upload = await this.#begin(path, finalPath);
    try {
      const parts = await this.#operate("compact:copy", finalPath, () => {
        return copyInParts(this.#bucket, upload, { from: this.#key(stagedPath), bytes });
      });
      if (await this.#complete(path, upload, parts)) {
        this.#staged.delete(path);
        return true;
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    await this.#abort(path, upload);
    return false;
  }

  /** Makes a merged file an object in `_staging/`; an earlier try may have, whose answer was lost. */
  async #makeObject(path: string, upload: PendingUpload & { readonly parts: UploadedPart[] }) {
    try {
      await this.#bucket.completeUpload(upload, upload.parts);
    } catch (error) {
      const isThere = (isTaken(error) || isNoSuchUpload(error)) &&
        await this.#bucket.size(upload.key) === bytesOf(upload.parts);
      if (!isThere) throw error;
    }
    this.#staged.delete(path);
  }

  async #removeStaged(path: string, label: OperationLabel): Promise<void> {
    await this.#operate(label, path, () => this.#bucket.remove(this.#key(path)));
  }

  /** @returns false where there is such an object, or no such upload any more: somebody was faster, or this process */
  async #complete(
    stagedPath: string,
    upload: PendingUpload,
    parts: readonly UploadedPart[],
  ): Promise<boolean> {
    try {
      await this.#operate("publish:link", finalPathOf(stagedPath), () => {
        return this.#bucket.completeUpload(upload, parts);
      });
      return true;
    } catch (error) {
      if (isTaken(error) || isNoSuchUpload(error)) return false;
      throw error;
    }
  }

  /** Whether an object is there, or comes within a moment. */
  async #appears(path: string): Promise<boolean> {
    for (const waitMs of APPEARING_MS) {
      if (await this.exists(path)) return true;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    return await this.exists(path);
  }

  /** @throws OrillaError with exit code 3 where the object is not there, or another one */
  async #assertPublished({ finalPath, checksum }: FileToPublish): Promise<void> {
    if (!await this.#appears(finalPath)) {
      throw damagedError(
        `${finalPath} was committed, but is not there, and what was staged of it is gone (a lifecycle rule that aborts ` +
          `uploads must wait for longer than orilla ever stands still). Make a new checkpoint from what is there: orilla ` +
          `rebuild`,
      );
    }
    if (await this.checksum(finalPath) === checksum) return;
    throw damagedError(
      `${finalPath} is not the file that was committed: it was changed from outside. Move it away and ` +
        `start again`,
    );
  }

  async #abort(stagedPath: string, upload: PendingUpload): Promise<void> {
    await this.#operate("recover:remove", withoutHandle(stagedPath), () => {
      return this.#bucket.abortUpload(upload);
    });
    this.#staged.delete(withoutHandle(stagedPath));
  }

  /** Begins the upload of an object, in place of one for that staged path that was not published. */
  async #begin(path: string, object: string) {
    const earlier = this.#staged.get(path);
    if (earlier !== undefined) await this.#abort(path, earlier);
    const key = this.#key(object);
    const uploadId = await this.#operate("stage:create", path, () => {
      return this.#bucket.createUpload(key);
    });
    const upload = { key, uploadId, parts: [] as UploadedPart[] };
    this.#staged.set(path, upload);
    return upload;
  }

  #operate<T>(label: OperationLabel, path: string, action: () => Promise<T>): Promise<T> {
    return operate(this.#hooks, { label, path }, action);
  }

  #uploadOf(stagedPath: string): PendingUpload {
    const { path, uploadId } = stagedUploadOf(stagedPath);
    return { key: this.#key(path), uploadId };
  }

  #key(path: string): string {
    return `${this.#prefix}${path}`;
  }

  #path(key: string): string {
    return key.slice(this.#prefix.length);
  }
}

function bytesOf(parts: readonly UploadedPart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
