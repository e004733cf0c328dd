import type { GrowingStage } from "./storage.ts";

/** Bytes of a part but the last: S3 takes 5 MiB to 5 GiB, and 10,000 parts. */
export const PART_BYTES = 16 << 20;

/** A file that becomes the parts of an upload as it grows: one of them is in memory at a time. */
export class GrowingUpload implements GrowingStage {
  readonly #upload: (part: Uint8Array<ArrayBuffer>) => Promise<void>;
  readonly #finish: () => Promise<void>;
  readonly #part = new Uint8Array(PART_BYTES);
  #length = 0;
  #partCount = 0;

  /**
   * @param upload uploads the next part, whose bytes are other ones after it
   * @param finish makes an object of the parts
   */
  constructor({ upload, finish }: {
    readonly upload: (part: Uint8Array<ArrayBuffer>) => Promise<void>;
    readonly finish: () => Promise<void>;
  }) {
    this.#upload = upload;
    this.#finish = finish;
  }

  async append(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      const piece = bytes.subarray(from, from + PART_BYTES - this.#length);
      this.#part.set(piece, this.#length);
      this.#length += piece.length;
      from += piece.length;
      if (this.#length === PART_BYTES) await this.#uploadPart();
    }
  }

  async finish(): Promise<void> {
    // An object without bytes has one part all the same.
    if (this.#length > 0 || this.#partCount === 0) await this.#uploadPart();
    await this.#finish();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #uploadPart(): Promise<void> {
    await this.#upload(this.#part.subarray(0, this.#length));
    this.#length = 0;
    this.#partCount++;
  }
}
