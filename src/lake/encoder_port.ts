import { type BatchContent, buffersOf } from "../core/batch.ts";
import type { RejectedContent } from "../core/rejected_records.ts";
import type { BatchEncoding, EncodableBatch, EncodedFile, Encoder, FileOrigin } from "./encoder.ts";
import type { ParquetTable } from "./parquet_table.ts";
import type { ProtectionOptions } from "./protection.ts";

/** What a thread that encodes is asked; `batch` is a number that a batch was taken in under. */
export type EncoderRequest =
  | { readonly kind: "encode"; readonly table: ParquetTable }
  | {
    readonly kind: "take";
    readonly batch: number;
    readonly content: BatchContent;
    readonly idKey: Uint32Array;
    readonly protection: ProtectionOptions;
  }
  | { readonly kind: "split"; readonly batch: number; readonly isSeen: Uint8Array }
  | {
    readonly kind: "encodeEvents";
    readonly batch: number;
    readonly place: number;
    readonly origin: FileOrigin;
  }
  | {
    readonly kind: "encodeLetters";
    readonly batch: number;
    readonly letters: RejectedContent;
    readonly origin: FileOrigin;
  }
  | {
    readonly kind: "canEncode";
    readonly batch: number;
    readonly rows: Int32Array;
    readonly origin: FileOrigin;
  }
  | { readonly kind: "release"; readonly batch: number };

/** What it answers to each. */
export interface EncoderAnswers {
  readonly encode: Uint8Array<ArrayBuffer>;
  /** The batch's hashes. */
  readonly take: Uint32Array<ArrayBuffer>;
  readonly split: EncodableBatch;
  readonly encodeEvents: EncodedFile;
  readonly encodeLetters: EncodedFile;
  readonly canEncode: boolean;
  readonly release: null;
}

/** A request as it is sent: answers come in any order. */
export interface NumberedRequest {
  readonly id: number;
  readonly request: EncoderRequest;
}

/** An answer, or why there is none. */
export type EncoderAnswer =
  & { readonly id: number }
  & (
    | { readonly kind: "done"; readonly value: EncoderAnswers[keyof EncoderAnswers] }
    | { readonly kind: "failure"; readonly message: string }
  );

type Ask = <Request extends EncoderRequest>(
  request: Request,
  given?: readonly Transferable[],
) => Promise<EncoderAnswers[Request["kind"]]>;

/** Encodes in the thread at the other end of a port, see `serveEncoder` in encoder_server.ts. */
export function encoderThere(port: MessagePort): Encoder {
  const ask = askingThrough(port);
  let nextBatch = 0;
  return {
    encode: (table) => ask({ kind: "encode", table }, [table.stream.buffer]),
    take: async (batch, { idKey, protection }) => {
      const number = nextBatch++, content = batch.content();
      const request = { kind: "take", batch: number, content, idKey } as const;
      const hashes = await ask({ ...request, protection: protection.given }, buffersOf(content));
      return batchThere(ask, number, hashes);
    },
  };
}

function batchThere(ask: Ask, batch: number, hashes: Uint32Array): BatchEncoding {
  return {
    hashes,
    split: (isSeen) => ask({ kind: "split", batch, isSeen }),
    encodeEvents: (place, origin) => ask({ kind: "encodeEvents", batch, place, origin }),
    encodeLetters: (letters, origin) => {
      return ask({ kind: "encodeLetters", batch, letters: letters.content(), origin });
    },
    canEncode: (rows, origin) => ask({ kind: "canEncode", batch, rows, origin }),
    [Symbol.dispose]: () => void ask({ kind: "release", batch }),
  };
}

function askingThrough(port: MessagePort): Ask {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let nextId = 0;
  port.onmessage = ({ data }: MessageEvent<EncoderAnswer>) => {
    const request = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.kind === "done") request?.resolve(data.value);
    else request?.reject(new Error(data.message));
  };
  return async <Request extends EncoderRequest>(
    request: Request,
    given: readonly Transferable[] = [],
  ) => {
    const id = nextId++;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    port.postMessage({ id, request } satisfies NumberedRequest, [...given]);
    return await answer.promise as EncoderAnswers[Request["kind"]];
  };
}
