import type { Batch } from "../core/batch.ts";
import { markCommon } from "../core/hash_order.ts";
import type { CommitStore } from "../checkpoint/commit_store.ts";
import type { BatchEncoding } from "../lake/encoder.ts";
import type { PipelineParts } from "./pipeline_parts.ts";

/** A batch that the encoder has taken in. */
export interface TakenBatch {
  readonly encoding: BatchEncoding;
  /** For each of its hashes, 1 where an earlier commit accepted it, else 0; null where the store is still to be asked. */
  readonly isSeen: Uint8Array | null;
}

interface AskedParts extends Pick<PipelineParts, "encoder" | "protection" | "clock"> {
  readonly checkpoint: Pick<CommitStore, "idKey" | "seenAmong">;
}

interface Ahead {
  readonly batch: Batch;
  readonly encoding: Promise<BatchEncoding>;
  readonly isSeen: Promise<Uint8Array | null>;
  /** The hashes of each commit made since: the store's answer may be without them. */
  readonly committed: Uint32Array[];
}

/**
 * What encoder and store say of a full batch while the commit before it is under way: its own commit then begins
 * with hashes and answers at hand.
 */
export class TakenAhead {
  readonly #parts: AskedParts;
  #ahead: Ahead | null = null;

  constructor(parts: AskedParts) {
    this.#parts = parts;
  }

  /** Begins to take a batch in, which must stay as it is until `take` or `drop` is called. */
  begin(batch: Batch): void {
    if (this.#ahead?.batch === batch) return;
    this.drop();
    const encoding = this.#encode(batch);
    // Failures are seen by `take`: of the encoder as they are, of the store as an answer that is still to come.
    const isSeen = encoding.then((taken) => this.#ask(taken)).catch(() => null);
    this.#ahead = { batch, encoding, isSeen, committed: [] };
  }

  /** Takes a batch in, or gives what was taken of it before; the caller disposes of its encoding. */
  async take(batch: Batch): Promise<TakenBatch> {
    const ahead = this.#ahead;
    if (ahead?.batch !== batch) return { encoding: await this.#encode(batch), isSeen: null };
    this.#ahead = null;
    const isSeen = await ahead.isSeen, encoding = await ahead.encoding;
    if (isSeen !== null) {
      for (const hashes of ahead.committed) markCommon(encoding.hashes, hashes, isSeen);
    }
    return { encoding, isSeen };
  }

  /**
   * Notes the ids that a commit of this process accepted.
   *
   * @param freshHashes their hashes, in their order
   */
  noteCommitted(freshHashes: Uint32Array): void {
    this.#ahead?.committed.push(freshHashes);
  }

  /** Gives up what was taken in. */
  drop(): void {
    this.#ahead?.encoding.then((encoding) => encoding[Symbol.dispose](), () => {});
    this.#ahead = null;
  }

  #encode(batch: Batch): Promise<BatchEncoding> {
    const { encoder, protection, checkpoint: { idKey } } = this.#parts;
    return encoder.take(batch, { idKey, protection });
  }

  #ask({ hashes }: BatchEncoding): Promise<Uint8Array> {
    const { checkpoint, clock } = this.#parts;
    return checkpoint.seenAmong(hashes, clock.nowMs());
  }
}
