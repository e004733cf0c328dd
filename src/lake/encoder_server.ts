import { Batch, buffersOf } from "../core/batch.ts";
import { assert } from "../core/errors.ts";
import { RejectedRecords } from "../core/rejected_records.ts";
import { collectYoung } from "../runtime/young_memory.ts";
import type { BatchEncodingHere } from "./batch_encoding.ts";
import type { Encoder, TableEncoder } from "./encoder.ts";
import type {
  EncoderAnswer,
  EncoderAnswers,
  EncoderRequest,
  NumberedRequest,
} from "./encoder_port.ts";
import { type MergeOrder, serveMerge } from "./merge_port.ts";
import type { Merger } from "./merger.ts";
import { encodeParquet, loadParquet } from "./parquet.ts";
import { protectionOf } from "./protection.ts";

/** Encodes a table in this thread. */
export const encodeTable: TableEncoder = async (table) => {
  await loadParquet();
  return encodeParquet(table);
};

/** Loads what a first batch needs: a start does without its time. */
export async function loadEncoder(): Promise<void> {
  await Promise.all([batchEncodings(), loadParquet()]);
}

function batchEncodings() {
  return import("./batch_encoding.ts");
}

/** Encodes in this thread. */
export function encoderHere(encode: TableEncoder = encodeTable): Encoder {
  return {
    encode,
    take: async (batch, how) => {
      const { BatchEncodingHere } = await batchEncodings();
      return new BatchEncodingHere(batch, { ...how, encode });
    },
  };
}

/** Merges in this thread; what that needs beyond encoding is loaded with the first merge. */
const mergeLater: Merger = async (request, files) => {
  const { mergeHere } = await import("./merge.ts");
  return await mergeHere(request, files);
};

/** Answers the requests that come through a port, in their order; a merge goes on beside them. */
export function serveEncoder(port: MessagePort): void {
  const encoder = new ServedEncoder();
  let last = Promise.resolve();
  port.onmessage = ({ data }: MessageEvent<NumberedRequest | MergeOrder>) => {
    if ("port" in data) return serveMerge(data, mergeLater);
    // A file that is made should not wait for the next one's first steps.
    last = last.then(() => answer(port, encoder, data));
  };
}

async function answer(
  port: MessagePort,
  encoder: ServedEncoder,
  { id, request }: NumberedRequest,
): Promise<void> {
  try {
    const { value, given = [] } = await encoder.answer(request);
    port.postMessage({ id, kind: "done", value } satisfies EncoderAnswer, given);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    port.postMessage({ id, kind: "failure", message } satisfies EncoderAnswer);
  }
}

interface Answer {
  readonly value: EncoderAnswers[keyof EncoderAnswers];
  /** What is given away with it. */
  readonly given?: ArrayBuffer[];
}

/** Holds the batches that it was given until they are released. */
class ServedEncoder {
  readonly #batches = new Map<number, { encoding: BatchEncodingHere; buffers: ArrayBuffer[] }>();

  async answer(request: EncoderRequest): Promise<Answer> {
    switch (request.kind) {
      case "encode": {
        const value = await encodeTable(request.table);
        return { value, given: [value.buffer] };
      }
      case "take": {
        const value = await this.#take(request);
        return { value, given: [value.buffer] };
      }
      case "split": {
        const value = await this.#encoding(request).split(request.isSeen);
        return {
          value,
          given: [value.fresh.buffer, value.duplicates.buffer, value.freshHashes.buffer],
        };
      }
      case "encodeEvents": {
        const { place, origin } = request;
        const value = await this.#encoding(request).encodeEvents(place, origin);
        return { value, given: [value.bytes.buffer] };
      }
      case "encodeLetters": {
        const { origin } = request, letters = RejectedRecords.from(request.letters);
        const value = await this.#encoding(request).encodeLetters(letters, origin);
        return { value, given: [value.bytes.buffer] };
      }
      case "canEncode":
        return { value: await this.#encoding(request).canEncode(request.rows, request.origin) };
      case "release":
        this.#release(request.batch);
        return { value: null };
      default:
        return request satisfies never;
    }
  }

  async #take(
    { batch, content, idKey, protection }: Extract<EncoderRequest, { kind: "take" }>,
  ): Promise<Uint32Array<ArrayBuffer>> {
    const { BatchEncodingHere } = await batchEncodings();
    const how = { idKey, protection: protectionOf(protection), encode: encodeTable };
    const encoding = new BatchEncodingHere(Batch.from(content), how);
    this.#batches.set(batch, { encoding, buffers: buffersOf(content) });
    return encoding.hashes.slice();
  }

  #encoding({ batch }: { readonly batch: number }): BatchEncodingHere {
    const taken = this.#batches.get(batch);
    assert(taken !== undefined, "a batch is there until it is released");
    return taken.encoding;
  }

  /** What was made for a batch, a few megabytes, goes with it. */
  #release(batch: number): void {
    for (const buffer of this.#batches.get(batch)?.buffers ?? []) buffer.transfer(0);
    this.#batches.delete(batch);
    collectYoung();
  }
}
