import type { ParquetTable } from "./parquet_table.ts";

/**
 * Makes a Parquet file of a table, whose stream it may take away. Rejects with an error that cannot pass where
 * the table cannot be written.
 */
export type Encoder = (table: ParquetTable) => Promise<Uint8Array<ArrayBuffer>>;

/** For modes that write no Parquet, which do without the thread that would make it. */
export const noEncoder: Encoder = () => {
  return Promise.reject(new Error("Assertion failed: this mode has an encoder"));
};

/** What a thread that encodes answers: the file, or why there is none. */
export type EncoderAnswer =
  & { readonly id: number }
  & (
    | { readonly kind: "file"; readonly bytes: Uint8Array<ArrayBuffer> }
    | { readonly kind: "failure"; readonly message: string }
  );

/** What it is asked. */
export interface EncoderRequest {
  readonly id: number;
  readonly table: ParquetTable;
}

/** Encodes in the thread at the other end of a port, see `serveEncoder` in encoder_server.ts. */
export function encodeThere(port: MessagePort): Encoder {
  const waiting = new Map<number, PromiseWithResolvers<Uint8Array<ArrayBuffer>>>();
  let nextId = 0;
  port.onmessage = ({ data }: MessageEvent<EncoderAnswer>) => {
    const request = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.kind === "file") request?.resolve(data.bytes);
    else request?.reject(new Error(data.message));
  };
  return (table) => {
    const id = nextId++;
    const request = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    waiting.set(id, request);
    port.postMessage({ id, table } satisfies EncoderRequest, [table.stream.buffer]);
    return request.promise;
  };
}
